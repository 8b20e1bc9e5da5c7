#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace inetd::ctl {

struct ExportedUnit {
    std::string name; // "inetd-ftp.socket"
    std::string text;
};

struct Exported {
    std::vector<ExportedUnit> units;
    std::vector<std::string> notices; // what could not be said, a line each
};

// Socket and service units for what `inetd --dump=json` says. Throws, as the library does, if it is
// of another shape.
[[nodiscard]] Exported export_systemd(const nlohmann::json& dump);

// A word of a command line of systemd.
[[nodiscard]] std::string unit_word(const std::string& word);

} // namespace inetd::ctl
