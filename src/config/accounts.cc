#include "config/accounts.h"

#include "base/text.h"
#include "config/source.h"

#include <algorithm>
#include <fmt/core.h>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <tuple>
#include <vector>

namespace inetd {

using AccountLookup = Lookup<std::shared_ptr<const Account>>;

// A directory server may list users for minutes; a hint is not worth that.
static constexpr int kMostCandidates = 2000;
// setuid(2) and chown(2) take the last number for "leave as it is".
static constexpr uid_t kLastId = static_cast<uid_t>(-2);

static std::string user_hint(const std::string& name) {
    std::vector<std::string> names;
    setpwent();
    for (int i = 0; i < kMostCandidates; ++i) {
        const passwd* entry = getpwent();
        if (entry == nullptr) break;
        names.emplace_back(entry->pw_name);
    }
    endpwent();
    return suggestion(name, {names.begin(), names.end()});
}

static std::string group_hint(const std::string& name) {
    std::vector<std::string> names;
    setgrent();
    for (int i = 0; i < kMostCandidates; ++i) {
        const group* entry = getgrent();
        if (entry == nullptr) break;
        names.emplace_back(entry->gr_name);
    }
    endgrent();
    return suggestion(name, {names.begin(), names.end()});
}

// By name, then as a number: passwd(5) allows a name of digits.
static const passwd* find_entry(const std::string& user) {
    if (const passwd* entry = getpwnam(user.c_str())) return entry;
    const auto uid = to_number<uid_t>(user, 0, kLastId);
    return uid ? getpwuid(*uid) : nullptr;
}

Lookup<uid_t> Accounts::find_user(const std::string& name) {
    if (const passwd* entry = getpwnam(name.c_str()))
        return {.value = entry->pw_uid, .problem = {}, .hint = {}};
    if (const auto uid = to_number<uid_t>(name, 0, kLastId))
        return {.value = *uid, .problem = {}, .hint = {}};
    return {.value = 0,
            .problem = fmt::format("unknown user {}", quoted(name)),
            .hint = user_hint(name)};
}

Lookup<gid_t> Accounts::find_group(const std::string& name) {
    if (const group* entry = getgrnam(name.c_str()))
        return {.value = entry->gr_gid, .problem = {}, .hint = {}};
    if (const auto gid = to_number<gid_t>(name, 0, kLastId))
        return {.value = *gid, .problem = {}, .hint = {}};
    return {.value = 0,
            .problem = fmt::format("unknown group {}", quoted(name)),
            .hint = group_hint(name)};
}

static std::vector<gid_t> groups_of(const Account& account) {
    std::vector<gid_t> groups(16);
    int count = static_cast<int>(groups.size());
    while (getgrouplist(account.user.c_str(), account.gid, groups.data(), &count) < 0) {
        // The count that comes back may be short where a service of nsswitch.conf adds groups.
        count = std::max(count, static_cast<int>(groups.size()) * 2);
        groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(count));
    std::sort(groups.begin(), groups.end()); // as the kernel has them
    return groups;
}

AccountLookup Accounts::make(const std::string& user, const std::string* group) {
    Account account;
    const passwd* entry = find_entry(user);
    if (entry != nullptr) {
        account.user = entry->pw_name;
        account.uid = entry->pw_uid;
        account.gid = entry->pw_gid;
        if (*entry->pw_dir != '\0') account.home = entry->pw_dir;
        if (*entry->pw_shell != '\0') account.shell = entry->pw_shell;
    } else {
        const Lookup<uid_t> number = find_user(user);
        if (!number.found()) return {.value = {}, .problem = number.problem, .hint = number.hint};
        if (group == nullptr)
            return {.value = {},
                    .problem = fmt::format("user {} has no entry in passwd(5), and so no group",
                                           quoted(user)),
                    .hint = fmt::format("name a group too, as in '{0}:{0}'", user)};
        account.user = user;
        account.uid = number.value;
    }
    if (group != nullptr) {
        const Lookup<gid_t> number = find_group(*group);
        if (!number.found()) return {.value = {}, .problem = number.problem, .hint = number.hint};
        account.gid = number.value;
    }
    auto& shared = shared_[{account.user, account.uid, account.gid}];
    if (shared == nullptr) {
        account.groups = groups_of(account);
        shared = std::make_shared<const Account>(std::move(account));
    }
    return {.value = shared, .problem = {}, .hint = {}};
}

std::shared_ptr<const Account> Accounts::with_groups(const Account& account,
                                                     const std::vector<gid_t>& groups) {
    auto& shared = grouped_[{account.user, account.uid, account.gid, groups}];
    if (shared != nullptr) return shared;
    Account changed = account;
    changed.chosen_groups = true;
    changed.groups = {account.gid};
    for (const gid_t group : groups)
        if (group != account.gid) changed.groups.push_back(group);
    std::sort(changed.groups.begin(), changed.groups.end());
    shared = std::make_shared<const Account>(std::move(changed));
    return shared;
}

AccountLookup Accounts::look_up(const std::string& text) {
    const auto colon = text.find(':');
    if (colon != std::string::npos) {
        const std::string group = text.substr(colon + 1);
        return make(text.substr(0, colon), &group);
    }
    if (find_entry(text) != nullptr) return make(text, nullptr);
    auto dot = text.rfind('.');
    while (dot != std::string::npos && dot > 0) {
        const std::string user = text.substr(0, dot);
        const std::string group = text.substr(dot + 1);
        if (find_user(user).found()) return make(user, &group);
        dot = text.rfind('.', dot - 1);
    }
    return make(text, nullptr);
}

const AccountLookup& Accounts::find(const std::string& text) {
    const auto at = known_.find(text);
    if (at != known_.end()) return at->second;
    return known_.emplace(text, look_up(text)).first->second;
}

} // namespace inetd
