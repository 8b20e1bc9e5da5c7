#include "config/path_values.h"

#include "base/result.h"
#include "base/text.h"
#include "config/rooted_path.h"
#include "config/value_error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace inetd {

struct PathKind {
    std::string_view name;
    std::vector<std::string> PathRights::*paths;
};
static constexpr std::array kKinds{PathKind{"read_only", &PathRights::read_only},
                                   PathKind{"read_write", &PathRights::read_write}};

static bool read_paths(const Setting& setting, std::vector<std::string>& paths) {
    const Setting::List* list = setting.list();
    if (list == nullptr) {
        wrong_value(setting, R"(a list of absolute paths, as in ["/usr"])");
        return false;
    }
    bool good = true;
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        if (text != nullptr && text->starts_with('/')) {
            paths.push_back(*text);
            continue;
        }
        setting.error(fmt::format("'{}': {} is not an absolute path", setting.name, shown(item)));
        good = false;
    }
    return good;
}

// landlock(7): its version, if there is any.
static bool kernel_has_landlock() {
    return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

std::optional<Value> read_path_rights(const Setting& setting) {
    if (setting.group() == nullptr)
        return wrong_value(setting, R"(a group, as in { read_only = ["/usr"]; })");
    PathRights rights;
    bool good = true;
    for (const Setting& member : setting.group()->members) {
        const auto* kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const PathKind& known) {
            return known.name == member.name;
        });
        if (kind == kKinds.end()) unknown_member(setting, member, {kKinds[0].name, kKinds[1].name});
        good = kind != kKinds.end() && read_paths(member, rights.*kind->paths) && good;
    }
    if (!good) return std::nullopt;
    if (rights.empty() || kernel_has_landlock()) return rights;
    setting.error(Error{"'landlock': this kernel does not offer it", errno}.text(),
                  "it needs CONFIG_SECURITY_LANDLOCK and 'landlock' in the kernel's lsm= list");
    return std::nullopt;
}

std::string path_rights_text(const PathRights& rights) {
    std::string out = "{";
    for (const PathKind& kind : kKinds) {
        std::vector<std::string> items;
        for (const std::string& path : rights.*kind.paths)
            items.push_back(string_literal(path));
        if (!items.empty()) out += fmt::format(" {} = [{}];", kind.name, fmt::join(items, ", "));
    }
    return out + " }";
}

std::string path_rights_problem(const std::string& root, const PathRights& rights) {
    for (const PathKind& kind : kKinds) {
        for (const std::string& path : rights.*kind.paths) {
            const RootedPath place(root, path);
            if (place.code() != 0) return Error{place.text(), place.code()}.text();
        }
    }
    return {};
}

bool covers(const std::string& root, const PathRights& rights, const std::string& program) {
    const std::string real = RootedPath(root, program).real();
    for (const PathKind& kind : kKinds) {
        for (const std::string& path : rights.*kind.paths) {
            const std::string top = RootedPath(root, path).real();
            if (top.empty()) continue;
            if (real == top || real.starts_with(top.ends_with('/') ? top : top + "/")) return true;
        }
    }
    return false;
}

} // namespace inetd
