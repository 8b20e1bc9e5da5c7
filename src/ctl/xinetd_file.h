#pragma once

#include "ctl/imported.h"

#include <string>
#include <vector>

// xinetd.conf(5) as it is written, before it is understood.
namespace inetd::ctl {

// NAME = VALUES, NAME += VALUES or NAME -= VALUES.
struct XinetdAttribute {
    std::string name;
    char op = '='; // '=', '+' or '-'
    std::vector<std::string> values;
    std::string file;
    int line = 0;
};

struct XinetdEntry {
    std::string service; // empty for "defaults"
    std::string file;
    int line = 0;
    std::vector<XinetdAttribute> attributes{};
};

struct XinetdFiles {
    std::vector<XinetdAttribute> defaults; // of all files
    std::vector<XinetdEntry> services;     // in the order in which xinetd reads them
    std::vector<Notice> notices;           // what could not be read
};

// A file with all that it includes, or the files of a directory as "includedir" takes them; of a
// directory that has a xinetd.conf, that.
void read_xinetd(const std::string& path, XinetdFiles& into);

// For text that is no file; what it includes is read all the same.
void parse_xinetd(const std::string& text, const std::string& name, XinetdFiles& into);

} // namespace inetd::ctl
