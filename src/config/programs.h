#pragma once

#include "config/lookup.h"
#include "config/model.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace inetd {

// The programs of a configuration: each looked at once, equal ones are one object.
class Programs {
  public:
    // Whether `path` names an executable file for one whose root directory is `root`, if that is
    // not empty; the value says nothing more.
    const Lookup<bool>& check(const std::string& path, const std::string& root = {});

    std::shared_ptr<const Program> share(const std::string& path, std::vector<std::string> argv);

  private:
    std::unordered_map<std::string, Lookup<bool>> checked_;
    std::unordered_map<std::string, std::shared_ptr<const Program>> shared_;
};

// The absolute path of the program `name` in the first of `directories` that has it.
[[nodiscard]] Lookup<std::string> find_program(const std::string& name,
                                               const std::vector<std::string>& directories);

// "ftpd" of "/usr/sbin/ftpd".
[[nodiscard]] std::string base_name(const std::string& path);

} // namespace inetd
