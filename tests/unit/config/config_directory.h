#pragma once

#include "config/load.h"
#include "dump.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <string>

namespace inetd::test {

// A directory of configuration, gone with its object.
class ConfigDirectory {
  public:
    ConfigDirectory() {
        std::string name =
            (std::filesystem::temp_directory_path() / "inetd-config-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ConfigDirectory(const ConfigDirectory&) = delete;
    ConfigDirectory& operator=(const ConfigDirectory&) = delete;
    ~ConfigDirectory() { std::filesystem::remove_all(path_); }

    // Open to nobody else, and with the directories on the way.
    std::string write(const std::string& name, const std::string& text) const {
        using std::filesystem::perms;
        const std::filesystem::path file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
        std::filesystem::permissions(file, perms::owner_read | perms::owner_write);
        return file;
    }
    [[nodiscard]] std::string path(const std::string& name) const { return path_ / name; }

    // The dump of what is loaded, with the directory's own name left out.
    [[nodiscard]] std::string outcome(const LoadOptions& options) const {
        std::string out = dump(load_config(options));
        const std::string prefix = path_.string() + "/";
        for (auto at = out.find(prefix); at != std::string::npos; at = out.find(prefix))
            out.erase(at, prefix.size());
        return out;
    }

  private:
    std::filesystem::path path_;
};

} // namespace inetd::test
