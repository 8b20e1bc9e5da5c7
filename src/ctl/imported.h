#pragma once

#include <string>
#include <utility>
#include <vector>

// A configuration of another super-server in the terms of inetd.conf(5) and inetd.cfg(5).
namespace inetd::ctl {

// What was said there and could not be taken over as it stands.
struct Notice {
    enum class Kind : unsigned char {
        error,       // makes no sense there either
        missing,     // has no counterpart
        approximate, // means something slightly different now
    };
    Kind kind = Kind::missing;
    std::string file;
    int line = 0;        // 0 = of the file as a whole
    std::string subject; // the attribute: "only_from"
    std::string text;

    // "/etc/xinetd.d/ftp:12: ftp: mdns: no counterpart: ..."
    [[nodiscard]] std::string full(const std::string& service) const;
    friend bool operator==(const Notice&, const Notice&) = default;
};

// A key of inetd.cfg and its value as it is written there.
using ImportedSetting = std::pair<std::string, std::string>;

// A line of inetd.conf and its entry in inetd.cfg.
struct ImportedService {
    std::string title;                  // what it was called: "ftp", "foo.socket"
    std::string file;                   // where that stood
    int line = 0;                       // 0 = the whole file
    std::vector<std::string> addresses; // as the column has them, IPv6 without brackets; none = all
    std::string name;                   // of the column, without the addresses
    std::string type = "stream";
    std::string protocol = "tcp";
    bool wait = false;
    std::string user = "root";        // "user" or "user:group"
    std::vector<std::string> program; // with all arguments from argv[0] on; none = not to be had
    std::vector<ImportedSetting> settings{};
    bool enabled = true;
    std::string left_out{}; // why the line is a comment only; empty = it is not
    std::vector<Notice> notices{};

    void set(std::string key, std::string value) {
        settings.emplace_back(std::move(key), std::move(value));
    }
};

struct Imported {
    std::vector<ImportedService> services;
    std::vector<ImportedSetting> daemon; // of the part `daemon`
    std::vector<Notice> notices;         // about no service in particular
};

// Lines for one address, protocol and name cannot both be: comments out those that were switched
// off, and then all but the first.
void leave_out_clashes(Imported& imported);

} // namespace inetd::ctl
