#include "server/json_fields.h"

#include <fmt/core.h>
#include <iterator>

namespace inetd::json_fields {

std::string hex(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    std::string text;
    text.reserve(size * 2);
    for (std::size_t i = 0; i < size; ++i)
        fmt::format_to(std::back_inserter(text), "{:02x}", bytes[i]);
    return text;
}

std::string hex(std::string_view bytes) {
    return hex(bytes.data(), bytes.size());
}

static unsigned digit(char c) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    const auto place = kDigits.find(c);
    if (place == std::string_view::npos) throw std::invalid_argument("bytes are not hexadecimal");
    return static_cast<unsigned>(place);
}

std::string bytes_of(const json& item) {
    const auto& text = item.get_ref<const std::string&>();
    if (text.size() % 2 != 0) throw std::invalid_argument("half a byte");
    std::string bytes(text.size() / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return bytes;
}

json address(const SocketAddress& address) {
    return hex(address.data(), address.size());
}

SocketAddress address_of(const json& item) {
    const std::string bytes = bytes_of(item);
    if (bytes.size() > SocketAddress::kRoom || (!bytes.empty() && bytes.size() < 2))
        throw std::invalid_argument("an address has a wrong size");
    const SocketAddress address(bytes.data(), static_cast<socklen_t>(bytes.size()));
    if ((address.family() == AF_INET && bytes.size() < sizeof(sockaddr_in)) ||
        (address.family() == AF_INET6 && bytes.size() < sizeof(sockaddr_in6)))
        throw std::invalid_argument("an address is cut");
    return address;
}

json time(TimePoint time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

TimePoint time_of(const json& item) {
    return TimePoint(std::chrono::nanoseconds(number<std::int64_t>(item, 0, INT64_MAX)));
}

} // namespace inetd::json_fields
