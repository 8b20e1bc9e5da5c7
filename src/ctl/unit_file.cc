#include "ctl/unit_file.h"

#include "base/text.h"
#include "ctl/text_file.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fmt/core.h>
#include <map>

namespace inetd::ctl {

namespace {

namespace fs = std::filesystem;

// systemd.unit(5), the more important ones first.
constexpr std::array kDirectories{"/etc/systemd/system", "/run/systemd/system",
                                  "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                  "/lib/systemd/system"};

std::vector<std::string> directories(const std::string& near) {
    std::vector<std::string> all;
    if (!near.empty()) all.push_back(near);
    all.insert(all.end(), kDirectories.begin(), kDirectories.end());
    return all;
}

// "foo@.service" of "foo@bar.service"; empty if it is no instance.
std::string template_of(const std::string& name) {
    const auto at = name.find('@');
    const auto dot = name.rfind('.');
    if (at == std::string::npos || dot == std::string::npos || dot <= at + 1) return {};
    return name.substr(0, at + 1) + name.substr(dot);
}

std::string type_of(const std::string& name) {
    return name.substr(std::min(name.rfind('.'), name.size() - 1) + 1);
}

std::string find(const std::string& name, const std::string& near) {
    for (const std::string& directory : directories(near)) {
        for (const std::string& candidate : {name, template_of(name)}) {
            std::error_code error;
            std::string path = fmt::format("{}/{}", directory, candidate);
            if (!candidate.empty() && fs::exists(path, error)) return path;
        }
    }
    return {};
}

// The file of each name that is nearest, in the order of the names.
std::map<std::string, std::string> drop_ins(const std::string& name, const std::string& near) {
    std::map<std::string, std::string> found;
    for (const std::string& directory : directories(near)) {
        for (const std::string& of : {name, template_of(name), type_of(name)}) {
            if (of.empty()) continue;
            const std::string place = fmt::format("{}/{}.d", directory, of);
            const auto files = file_names(place);
            if (!files) continue;
            for (const std::string& file : *files)
                if (file.ends_with(".conf")) found.emplace(file, fmt::format("{}/{}", place, file));
        }
    }
    return found;
}

} // namespace

void parse_unit(const std::string& text, const std::string& file, std::vector<UnitSetting>& into) {
    std::string section;
    std::string pending; // of the lines that go on
    int number = 0;
    int first = 0;
    for (const std::string_view raw : split(text, '\n')) {
        ++number;
        std::string_view line = trimmed(raw);
        // A comment between continued lines does not end them.
        if (!line.empty() && (line.front() == '#' || line.front() == ';')) continue;
        if (pending.empty()) first = number;
        pending += line;
        if (pending.ends_with('\\')) {
            pending.back() = ' ';
            continue;
        }
        const std::string whole(trimmed(pending));
        pending.clear();
        if (whole.starts_with('[') && whole.ends_with(']')) {
            section = whole.substr(1, whole.size() - 2);
            continue;
        }
        const auto sign = whole.find('=');
        if (sign == std::string::npos) continue;
        into.push_back({section, std::string(trimmed(whole.substr(0, sign))),
                        std::string(trimmed(whole.substr(sign + 1))), file, first});
    }
}

Result<Unit> load_unit(const std::string& name_or_path, const std::string& near) {
    Unit unit;
    const auto slash = name_or_path.rfind('/');
    unit.name = name_or_path.substr(slash + 1);
    std::string where = near;
    if (slash != std::string::npos) {
        unit.file = name_or_path;
        where = slash == 0 ? "/" : name_or_path.substr(0, slash);
    } else {
        unit.file = find(unit.name, near);
        if (unit.file.empty()) return Error{"unit " + unit.name, ENOENT};
    }
    const auto text = read_text_file(unit.file);
    std::error_code error;
    if (fs::weakly_canonical(unit.file, error) == "/dev/null")
        return Error{"unit " + unit.name + " is masked"};
    if (!text) return text.error();
    parse_unit(*text, unit.file, unit.settings);
    for (const auto& [name, path] : drop_ins(unit.name, where)) {
        const auto more = read_text_file(path);
        if (!more) return more.error();
        parse_unit(*more, path, unit.settings);
    }
    return unit;
}

} // namespace inetd::ctl
