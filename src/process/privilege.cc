#include "process/privilege.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace inetd {

// By their numbers, as far as Linux 5.9 has them.
static constexpr std::array<std::string_view, 41> kNames{"chown",
                                                         "dac_override",
                                                         "dac_read_search",
                                                         "fowner",
                                                         "fsetid",
                                                         "kill",
                                                         "setgid",
                                                         "setuid",
                                                         "setpcap",
                                                         "linux_immutable",
                                                         "net_bind_service",
                                                         "net_broadcast",
                                                         "net_admin",
                                                         "net_raw",
                                                         "ipc_lock",
                                                         "ipc_owner",
                                                         "sys_module",
                                                         "sys_rawio",
                                                         "sys_chroot",
                                                         "sys_ptrace",
                                                         "sys_pacct",
                                                         "sys_admin",
                                                         "sys_boot",
                                                         "sys_nice",
                                                         "sys_resource",
                                                         "sys_time",
                                                         "sys_tty_config",
                                                         "mknod",
                                                         "lease",
                                                         "audit_write",
                                                         "audit_control",
                                                         "setfcap",
                                                         "mac_override",
                                                         "mac_admin",
                                                         "syslog",
                                                         "wake_alarm",
                                                         "block_suspend",
                                                         "audit_read",
                                                         "perfmon",
                                                         "bpf",
                                                         "checkpoint_restore"};

std::string capability_text(int number) {
    const auto at = static_cast<std::size_t>(number);
    return at < kNames.size() ? fmt::format("cap_{}", kNames[at]) : fmt::format("cap_{}", number);
}

namespace {

struct Sets {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};

    bool read() { return syscall(SYS_capget, &header, data.data()) == 0; }
    [[nodiscard]] bool write() { return syscall(SYS_capset, &header, data.data()) == 0; }
};

} // namespace

static CapabilitySet joined(std::uint32_t low, std::uint32_t high) {
    return {std::uint64_t{high} << 32U | low};
}

CapabilitySet permitted_capabilities() {
    Sets sets;
    if (!sets.read()) return {};
    return joined(sets.data[0].permitted, sets.data[1].permitted);
}

CapabilitySet effective_capabilities() {
    Sets sets;
    if (!sets.read()) return {};
    return joined(sets.data[0].effective, sets.data[1].effective);
}

// The inheritable set stays as whoever started us wanted it.
Result<void> set_capabilities(CapabilitySet permitted, CapabilitySet effective) {
    Sets sets;
    if (!sets.read()) return errno_error("capget");
    for (unsigned i = 0; i < 2; ++i) {
        sets.data[i].permitted = static_cast<std::uint32_t>(permitted.mask >> 32U * i);
        sets.data[i].effective = static_cast<std::uint32_t>(effective.mask >> 32U * i);
    }
    if (!sets.write()) return errno_error("capset");
    return {};
}

bool has_no_new_privileges() {
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

bool exec_restores_capabilities() {
    const int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    return geteuid() == 0 && getuid() == 0 && !has_no_new_privileges() && bits >= 0 &&
           (static_cast<unsigned>(bits) & SECBIT_NOROOT) == 0;
}

// The bounding set first, which takes CAP_SETPCAP.
static Result<void> drop_bounding_set(CapabilitySet kept) {
    for (int i = 0; i < 64; ++i) {
        const int bound = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (bound < 0) break;
        if (bound == 0 || (kept.mask >> static_cast<unsigned>(i) & 1) != 0) continue;
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0) return errno_error("bounding set");
    }
    return {};
}

// setresuid(2) would bring back whatever one of the three ids still is.
static bool has_no_other_id(const Account& account) {
    std::array<uid_t, 3> users{};
    std::array<gid_t, 3> groups{};
    return getresuid(users.data(), &users[1], &users[2]) == 0 &&
           getresgid(groups.data(), &groups[1], &groups[2]) == 0 &&
           std::ranges::count(users, account.uid) == 3 &&
           std::ranges::count(groups, account.gid) == 3;
}

static Result<void> change_identity(const Account& account) {
    const bool is_same = is_same_identity(own_identity(), account);
    if (is_same && has_no_other_id(account)) return {};
    if (!is_same && setgroups(account.groups.size(), account.groups.data()) != 0)
        return errno_error("setgroups");
    if (setresgid(account.gid, account.gid, account.gid) != 0) return errno_error("setresgid");
    if (setresuid(account.uid, account.uid, account.uid) != 0) return errno_error("setresuid");
    return {};
}

Result<void> become_for_good(const Account& account, CapabilitySet kept) {
    const CapabilitySet before = permitted_capabilities();
    kept.mask &= before.mask;
    // capabilities(7): where the real uid alone is root's, they are permitted and not in effect.
    if (auto raised = set_capabilities(before, before); !raised) return raised;
    if ((before.mask >> CAP_SETPCAP & 1U) != 0) {
        if (auto dropped = drop_bounding_set(kept); !dropped) return dropped;
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return errno_error("PR_SET_KEEPCAPS");
    if (auto changed = change_identity(account); !changed) return changed;
    // Whoever started us may have wanted programs of ours to have some.
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return errno_error("PR_CAP_AMBIENT");
    if (auto set = set_capabilities(kept, kept); !set) return set;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("PR_SET_NO_NEW_PRIVS");
    // prctl(2): a change of the user has made the files of ours in /proc belong to root.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return {};
}

static std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    if (!groups.empty() && getgroups(static_cast<int>(groups.size()), groups.data()) < 0)
        groups.clear();
    return groups;
}

Account own_identity() {
    Account own;
    own.uid = geteuid();
    own.gid = getegid();
    own.groups = own_groups();
    return own;
}

bool join_groups(const Account& own, const Account& account) {
    if (own.uid != 0 || account.uid != 0 || account.gid != own.gid || account.chosen_groups ||
        own.groups == account.groups)
        return false;
    const bool lacks_some = std::all_of(own.groups.begin(), own.groups.end(), [&](gid_t group) {
        return std::find(account.groups.begin(), account.groups.end(), group) !=
               account.groups.end();
    });
    return lacks_some && setgroups(account.groups.size(), account.groups.data()) == 0;
}

bool is_same_identity(const Account& own, const Account& wanted) {
    if (own.uid != wanted.uid || own.gid != wanted.gid) return false;
    // One who is not root can only start children as he is; what was asked for must not fail
    // without a word, though.
    return (own.uid != 0 && !wanted.chosen_groups) || own.groups == wanted.groups;
}

} // namespace inetd
