#include "config/programs.h"

#include "base/result.h"
#include "config/rooted_path.h"
#include "config/source.h"

#include <array>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd {

std::string base_name(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

static bool is_program(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

static std::string hint_for(const std::string& path) {
    static constexpr std::array kDirectories = {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                                "/usr/bin/",        "/sbin/",          "/bin/",
                                                "/usr/lib/",        "/usr/libexec/"};
    const std::string name = base_name(path);
    for (const char* directory : kDirectories)
        if (!name.empty() && is_program(directory + name))
            return fmt::format("did you mean '{}{}'?", directory, name);
    return {};
}

Lookup<std::string> find_program(const std::string& name,
                                 const std::vector<std::string>& directories) {
    for (const std::string& directory : directories) {
        std::string path = directory;
        path.append("/").append(name);
        if (is_program(path)) return {.value = std::move(path), .problem = {}, .hint = {}};
    }
    return {.value = {},
            .problem = fmt::format("program {} is in no directory of PATH", quoted(name)),
            .hint = hint_for(name)};
}

static Lookup<bool> look_at(const std::string& path, const std::string& root) {
    const auto problem = [&](std::string text, std::string hint = {}) -> Lookup<bool> {
        return {.value = false, .problem = std::move(text), .hint = std::move(hint)};
    };
    if (!path.starts_with('/')) {
        std::string hint = hint_for(path);
        if (hint.empty()) hint = "write its full path, or 'internal' for a built-in service";
        return problem(fmt::format("program {} has no absolute path", quoted(path)), hint);
    }
    const RootedPath place(root, path);
    if (place.code() != 0)
        return problem(Error{"program " + place.text(), place.code()}.text(),
                       root.empty() ? hint_for(path) : std::string());
    if (!S_ISREG(place.info().st_mode))
        return problem(fmt::format("program {} is not a file", place.text()));
    // For root access(2) asks only whether anyone may execute it, and whether the mount allows
    // that.
    if (!place.is_executable())
        return problem(
            fmt::format("program {} is not executable", place.text()),
            fmt::format("chmod +x {}{}; or is its file system mounted noexec?", root, path));
    return {.value = true, .problem = {}, .hint = {}};
}

const Lookup<bool>& Programs::check(const std::string& path, const std::string& root) {
    std::string key = path;
    if (!root.empty()) key.append(1, '\0').append(root);
    const auto at = checked_.find(key);
    if (at != checked_.end()) return at->second;
    return checked_.emplace(std::move(key), look_at(path, root)).first->second;
}

std::shared_ptr<const Program> Programs::share(const std::string& path,
                                               std::vector<std::string> argv) {
    std::string key = path;
    for (const std::string& argument : argv)
        key.append(1, '\0').append(argument);
    auto& shared = shared_[key];
    if (shared == nullptr)
        shared = std::make_shared<const Program>(Program{.path = path, .argv = std::move(argv)});
    return shared;
}

} // namespace inetd
