#pragma once

#include "config/lookup.h"
#include "config/model.h"

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>

namespace inetd {

// Users and groups, each asked for once; equal accounts are one object.
class Accounts {
  public:
    // The account of "user", "user:group" or "user.group", each a name or a number. A user whose
    // name has a dot in it wins over the split at the dot.
    const Lookup<std::shared_ptr<const Account>>& find(const std::string& text);

    // The same account with these supplementary groups, and its own, instead of the user's.
    std::shared_ptr<const Account> with_groups(const Account& account,
                                               const std::vector<gid_t>& groups);

    // A user or a group alone, for the owner of a unix socket.
    static Lookup<uid_t> find_user(const std::string& name);
    static Lookup<gid_t> find_group(const std::string& name);

  private:
    Lookup<std::shared_ptr<const Account>> look_up(const std::string& text);
    Lookup<std::shared_ptr<const Account>> make(const std::string& user, const std::string* group);

    std::unordered_map<std::string, Lookup<std::shared_ptr<const Account>>> known_;
    std::map<std::tuple<std::string, uid_t, gid_t>, std::shared_ptr<const Account>> shared_;
    using Grouped = std::tuple<std::string, uid_t, gid_t, std::vector<gid_t>>;
    std::map<Grouped, std::shared_ptr<const Account>> grouped_;
};

} // namespace inetd
