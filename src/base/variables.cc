#include "base/variables.h"

#include <algorithm>
#include <array>

namespace inetd {

template<std::size_t Size>
static bool contains(const std::array<std::string_view, Size>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_peer_variable(std::string_view name) {
    static constexpr std::array<std::string_view, 10> kNames{
        "PROTO",       "TCPLOCALIP",  "TCPLOCALPORT", "TCPREMOTEIP", "TCPREMOTEPORT",
        "SERVER_ADDR", "SERVER_PORT", "REMOTE_ADDR",  "REMOTE_PORT", "UNIXLOCALPATH"};
    return contains(kNames, name);
}

bool is_account_variable(std::string_view name) {
    static constexpr std::array<std::string_view, 4> kNames{"USER", "LOGNAME", "HOME", "SHELL"};
    return contains(kNames, name);
}

bool is_supervisor_variable(std::string_view name) {
    static constexpr std::array<std::string_view, 7> kNames{
        "NOTIFY_SOCKET", "LISTEN_FDS",    "LISTEN_PID", "LISTEN_FDNAMES",
        "WATCHDOG_PID",  "WATCHDOG_USEC", "MAINPID"};
    return contains(kNames, name);
}

bool is_variable_name(std::string_view name) {
    if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_';
    });
}

} // namespace inetd
