#include "builtin/proxy_header.h"

#include "base/text.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace inetd {

using State = ProxyHeader::State;

static constexpr std::string_view kLineStart = "PROXY ";
static constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
static constexpr std::size_t kFixed = 16; // signature, command, family, length

static std::optional<SocketAddress> address_of(std::string_view host, std::string_view port,
                                               int family) {
    const auto number = to_number<std::uint16_t>(port, 0, 65535);
    if (!number || (port.size() > 1 && port.front() == '0')) return std::nullopt;
    // No zone: it would mean an interface of the balancer's.
    if (host.find('%') != std::string_view::npos) return std::nullopt;
    auto address = SocketAddress::parse_ip(host, *number);
    if (address && address->family() != family) return std::nullopt;
    return address;
}

static ProxyHeader parse_line(std::string_view bytes) {
    const auto end = bytes.substr(0, ProxyHeader::kLongestLine).find("\r\n");
    if (end == std::string_view::npos)
        return {.state = bytes.size() < ProxyHeader::kLongestLine ? State::more : State::bad};
    const std::string_view line = bytes.substr(kLineStart.size(), end - kLineStart.size());
    ProxyHeader header{.state = State::complete, .size = end + 2};
    const std::vector<std::string_view> words = split(line, ' ');
    // The rest of such a line is to be ignored.
    if (words[0] == "UNKNOWN") return header;
    const int family = words[0] == "TCP4" ? AF_INET : AF_INET6;
    if ((family == AF_INET6 && words[0] != "TCP6") || words.size() != 5)
        return {.state = State::bad};
    header.source = address_of(words[1], words[3], family);
    header.destination = address_of(words[2], words[4], family);
    if (!header.source || !header.destination) return {.state = State::bad};
    return header;
}

static SocketAddress binary_address(const char* host, const char* port, int family) {
    if (family == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, host, sizeof v4.sin_addr);
        std::memcpy(&v4.sin_port, port, sizeof v4.sin_port);
        return {&v4, sizeof v4};
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, host, sizeof v6.sin6_addr);
    std::memcpy(&v6.sin6_port, port, sizeof v6.sin6_port);
    return {&v6, sizeof v6};
}

static ProxyHeader parse_binary(std::string_view bytes) {
    if (bytes.size() < kFixed) return {};
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t size = kFixed + (std::size_t{byte(14)} << 8) + byte(15);
    constexpr unsigned char kLocal = 0x20; // version 2, and what to do
    constexpr unsigned char kProxy = 0x21;
    const unsigned char command = byte(12);
    if ((command != kLocal && command != kProxy) || size > ProxyHeader::kLongest)
        return {.state = State::bad};
    if (bytes.size() < size) return {};
    ProxyHeader header{.state = State::complete, .size = size};
    if (command == kLocal) return header;
    constexpr unsigned char kUnspecified = 0x00;
    constexpr unsigned char kTcp4 = 0x11;
    constexpr unsigned char kTcp6 = 0x21;
    constexpr unsigned char kUnixStream = 0x31;
    const unsigned char kind = byte(13);
    if (kind == kUnspecified || kind == kUnixStream) return header;
    if (kind != kTcp4 && kind != kTcp6) return {.state = State::bad};
    const std::size_t length = kind == kTcp4 ? 4 : 16;
    if (size < kFixed + 2 * length + 4) return {.state = State::bad};
    const int family = kind == kTcp4 ? AF_INET : AF_INET6;
    const char* hosts = bytes.data() + kFixed;
    const char* ports = hosts + 2 * length;
    header.source = binary_address(hosts, ports, family);
    header.destination = binary_address(hosts + length, ports + 2, family);
    return header;
}

static bool begins(std::string_view bytes, std::string_view start) {
    const std::size_t size = std::min(bytes.size(), start.size());
    return bytes.substr(0, size) == start.substr(0, size);
}

ProxyHeader parse_proxy_header(std::string_view bytes) {
    if (begins(bytes, kSignature)) return parse_binary(bytes);
    if (!begins(bytes, kLineStart)) return {.state = State::bad};
    return bytes.size() < kLineStart.size() ? ProxyHeader{} : parse_line(bytes);
}

} // namespace inetd
