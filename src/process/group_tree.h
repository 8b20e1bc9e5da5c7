#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace inetd {

// A control group of version 2 of the kernel, cgroups(7), that services are started in.
struct ServiceGroup {
    Fd directory;                                 // for clone3(2)
    std::map<std::string, std::string> originals; // what stood in the files that were written
};

// The control groups below our own, one for each service that asks for one. Our own has to be
// delegated to us; since a group with controllers may have no process of itself, we and all that
// we find there move into one below it, "inetd.main".
class GroupTree {
  public:
    GroupTree() = default;
    GroupTree(const GroupTree&) = delete;
    GroupTree& operator=(const GroupTree&) = delete;
    ~GroupTree();

    // The group of that name, made if need be, with these settings in force; settings that it had
    // before are taken back. Whoever is in it already feels them too.
    Result<std::shared_ptr<const ServiceGroup>> take(const std::string& name,
                                                     const std::vector<GroupSetting>& settings);
    // Gives up the groups that nobody holds any more; tidy() removes them once they are empty.
    void sweep();
    void tidy();

  private:
    Result<void> prepare();
    Result<void> move_down(const std::string& own) const;
    Result<void> enable(const std::string& file);

    Fd top_; // our own group as it was at first; none until prepare() went well
    std::map<std::string, std::shared_ptr<ServiceGroup>> groups_;
    std::set<std::string> given_up_; // names of groups that are not empty yet
};

// The name of a service's group: no other service's, and a single component of a path.
[[nodiscard]] std::string group_name(const ServiceConfig& service);

} // namespace inetd
