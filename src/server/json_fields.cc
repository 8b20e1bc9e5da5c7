#include "server/json_fields.h"

namespace inetd::json_fields {

std::string bytes_of(const json& item) {
    const auto& text = item.get_ref<const std::string&>();
    if (text.size() % 2 != 0) throw std::invalid_argument("half a byte");
    auto bytes = bytes_of_hex(text);
    if (!bytes) throw std::invalid_argument("bytes are not hexadecimal");
    return std::move(*bytes);
}

json address(const SocketAddress& address) {
    return hex({reinterpret_cast<const char*>(address.data()), address.size()});
}

SocketAddress address_of(const json& item) {
    const std::string bytes = bytes_of(item);
    if (bytes.size() > SocketAddress::kLongest || (!bytes.empty() && bytes.size() < 2))
        throw std::invalid_argument("an address has a wrong size");
    SocketAddress address(bytes.data(), static_cast<socklen_t>(bytes.size()));
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
