#include "base/usage.h"

#include "base/fd.h"
#include "base/text.h"

#include <array>
#include <fcntl.h>
#include <fmt/core.h>
#include <string_view>
#include <unistd.h>

namespace inetd {

std::optional<Usage> usage_of(pid_t pid) {
    const Fd file(open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> buffer;
    const ssize_t got = file ? read(file.get(), buffer.data(), buffer.size()) : -1;
    if (got <= 0) return std::nullopt;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    // The second field is the program's name in brackets, which may hold blanks and brackets.
    const std::size_t end = text.rfind(") ");
    if (end == std::string_view::npos) return std::nullopt;
    const auto fields = split(text.substr(end + 2), ' '); // from the third on
    const auto field = [&](std::size_t number) {
        const std::size_t index = number - 3;
        return index < fields.size()
                   ? to_number<std::uint64_t>(fields[index], 0, UINT64_MAX).value_or(0)
                   : 0;
    };
    constexpr std::size_t kUser = 14;
    constexpr std::size_t kSystem = 15;
    constexpr std::size_t kResident = 24;
    const auto ticks = static_cast<double>(field(kUser) + field(kSystem));
    return Usage{.cpu = ticks / static_cast<double>(sysconf(_SC_CLK_TCK)),
                 .memory = field(kResident) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

} // namespace inetd
