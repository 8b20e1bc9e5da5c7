#pragma once

#include "base/result.h"

#include <string>
#include <vector>

// A unit of systemd as it is written, before it is understood.
namespace inetd::ctl {

struct UnitSetting {
    std::string section; // "Socket"
    std::string key;
    std::string value; // continued lines joined
    std::string file;
    int line = 0;
};

struct Unit {
    std::string name; // "ssh@.service"
    std::string file;
    std::vector<UnitSetting> settings{}; // of the file, then of its drop-ins
};

// The settings of one file, in their order, at the end of `into`. What is none is passed over, as
// systemd does.
void parse_unit(const std::string& text, const std::string& file, std::vector<UnitSetting>& into);

// By name, looked for where systemd looks and first in `near` if that is not empty, or by path.
// With the drop-ins NAME.d/*.conf, those of its template and those of its type.
[[nodiscard]] Result<Unit> load_unit(const std::string& name_or_path, const std::string& near = {});

} // namespace inetd::ctl
