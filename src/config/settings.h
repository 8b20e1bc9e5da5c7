#pragma once

#include "config/source.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace inetd {

// One setting of a file in libconfig's syntax, as plain data that knows where it stands.
struct Setting {
    struct Group {
        std::vector<Setting> members;
    };
    struct List {
        std::vector<Setting> items;
    };

    std::string name; // empty for an item of a list
    std::variant<bool, std::int64_t, double, std::string, List, Group> value;
    const Source* source = nullptr; // the file, which may be an included one
    int line = 0;
    bool cut = false; // a number of which libconfig has kept a part only

    [[nodiscard]] const Group* group() const { return std::get_if<Group>(&value); }
    [[nodiscard]] const List* list() const { return std::get_if<List>(&value); }
    void error(std::string text, std::string hint = {}) const;
    void warning(std::string text, std::string hint = {}) const;
};

// A file in libconfig's syntax, and those that it includes.
class SettingsFile {
  public:
    // What is wrong with it goes to `sink`, which must outlive this. Of mistakes of syntax that is
    // the first alone, and then there are no settings. `name` tells where files to include are.
    SettingsFile(const std::string& name, std::string text, Diagnostics& sink);

    [[nodiscard]] const Setting& root() const { return root_; }

    // The text of `file`, for messages about it.
    const Source& source(const std::string& file);

  private:
    void parse(const std::string& text);
    std::string path_of(const char* file) const;

    std::string name_;
    std::string directory_;
    Diagnostics& sink_;
    std::map<std::string, std::unique_ptr<Source>> sources_;
    Setting root_;
};

} // namespace inetd
