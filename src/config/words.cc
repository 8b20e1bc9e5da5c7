#include "config/words.h"

#include "base/address.h"
#include "base/syslog_names.h"
#include "config/diagnostic.h"
#include "config/source.h"
#include "config/targets.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>

namespace inetd {

const Words kLogTargets{R"("journal", "syslog", "stderr" or the absolute path of a file)",
                        [] {
                            return std::vector<std::string_view>{"journal", "syslog", "stderr"};
                        },
                        true};

const Words kLogFacilities{R"(the name of a facility, as in "daemon", "auth" or "local0")",
                           facility_names};

const Words kLogLevels{R"("error", "warning", "notice", "info" or "debug")", level_names};

const Words kErrorTargets{
    R"("socket", "journal", "log", "null" or the absolute path of a file)",
    [] {
        return std::vector<std::string_view>{"socket", "journal", "log", "null"};
    },
    true};

const Words kFile{"the absolute path of a file", [] { return std::vector<std::string_view>{}; },
                  true};
const Words kRelayTargets{kTargetForms, [] { return std::vector<std::string_view>(); }, false,
                          [](std::string_view text) { return parse_target(text).has_value(); }};

// Of a unix socket, in a directory that need not be there.
static bool is_control_path(std::string_view text) {
    if (text.empty() || text == "none") return true;
    return text.starts_with('/') && !text.ends_with('/') && SocketAddress::unix_path(text);
}

const Words kControlPaths{"the absolute path of a socket, or \"none\"",
                          [] { return std::vector<std::string_view>{"none"}; }, false,
                          is_control_path};

bool Words::contain(const std::string& word) const {
    if (fits != nullptr) return fits(word);
    const auto words = all();
    return std::find(words.begin(), words.end(), word) != words.end();
}

Result<void> check_place(const std::string& path) {
    struct stat info {};
    const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    if (stat(directory.c_str(), &info) != 0) return errno_error(quoted(directory));
    if (!S_ISDIR(info.st_mode)) return Error{quoted(directory), ENOTDIR};
    if (path.ends_with('/') || (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)))
        return Error{quoted(path), EISDIR};
    return {};
}

} // namespace inetd
