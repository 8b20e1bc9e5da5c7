#pragma once

#include "base/result.h"
#include "config/model.h"

#include <string>

namespace inetd {

// The capabilities of this process, capabilities(7): its permitted set, which it may make use of,
// and its effective set, which it does make use of.
[[nodiscard]] CapabilitySet permitted_capabilities();
[[nodiscard]] CapabilitySet effective_capabilities();

// Makes the sets be these, of which the first must hold the second. Nothing can be added to the
// permitted set.
Result<void> set_capabilities(CapabilitySet permitted, CapabilitySet effective);

// Whether a program that this process executes has all capabilities of the bounding set, so that
// what was given up comes back: that is so of root, unless no_new_privs or securebits forbid it.
[[nodiscard]] bool exec_restores_capabilities();
[[nodiscard]] bool has_no_new_privileges();

// Becomes the account for good, with none but these capabilities, and no way to others: not by
// exec, not by a file with a set-user-ID bit.
Result<void> become_for_good(const Account& account, CapabilitySet kept);

// "cap_kill"; "cap_63" for one that is not known here.
[[nodiscard]] std::string capability_text(int number);

// Who we are, with our supplementary groups; without names.
[[nodiscard]] Account own_identity();
// For a daemon that is root but lacks groups of root's, as systemd starts it: takes them, if
// `account` is root with these, so that its servers need not. True if they are ours now.
bool join_groups(const Account& own, const Account& account);
// Whether a child of `own` is what `wanted` says without doing anything.
[[nodiscard]] bool is_same_identity(const Account& own, const Account& wanted);

} // namespace inetd
