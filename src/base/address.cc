#include "base/address.h"

#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fmt/core.h>
#include <linux/vm_sockets.h>
#include <memory>
#include <net/if.h>

namespace inetd {

// Every service and most objects of a connection have some.
static_assert(sizeof(SocketAddress) == 32);
static_assert(sizeof(sockaddr_vm) <= sizeof(sockaddr_in6));

static constexpr socklen_t kUnixHeader = offsetof(sockaddr_un, sun_path);

SocketAddress::SocketAddress(const void* address, socklen_t size)
    : size_(std::min(size, kLongest)) {
    if (is_long()) {
        copy_long(address);
    } else if (size_ != 0) {
        std::memcpy(bytes_.data(), address, size_);
    }
}

std::byte* SocketAddress::long_bytes() const {
    std::byte* bytes = nullptr;
    std::memcpy(&bytes, bytes_.data(), sizeof bytes);
    return bytes;
}

void SocketAddress::copy_long(const void* address) {
    std::byte* const bytes = std::make_unique_for_overwrite<std::byte[]>(size_).release();
    std::memcpy(bytes, address, size_);
    std::memcpy(bytes_.data(), &bytes, sizeof bytes);
}

void SocketAddress::free_long() {
    const std::unique_ptr<std::byte[]> bytes(long_bytes());
}

std::optional<SocketAddress> SocketAddress::parse_ip(std::string_view host, std::uint16_t port) {
    const std::string text(host);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) return SocketAddress(&v4, sizeof v4);

    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const auto percent = text.find('%');
    if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &v6.sin6_addr) != 1)
        return std::nullopt;
    if (percent != std::string::npos) {
        const std::string zone = text.substr(percent + 1);
        v6.sin6_scope_id = if_nametoindex(zone.c_str());
        if (v6.sin6_scope_id == 0)
            v6.sin6_scope_id = to_number<std::uint32_t>(zone, 1, UINT32_MAX).value_or(0);
        if (v6.sin6_scope_id == 0) return std::nullopt;
    }
    return SocketAddress(&v6, sizeof v6);
}

SocketAddress SocketAddress::any_v4(std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return {&v4, sizeof v4};
}

SocketAddress SocketAddress::any_v6(std::uint16_t port) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return {&v6, sizeof v6};
}

std::optional<SocketAddress> SocketAddress::unix_path(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // A file's path keeps its final NUL; an abstract name is all bytes of its length, unix(7).
    const bool abstract = path.starts_with('@');
    if (path.size() < 2 || path.size() + (abstract ? 0 : 1) > sizeof address.sun_path)
        return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (abstract) address.sun_path[0] = '\0';
    const auto length = path.size() + (abstract ? 0 : 1);
    return SocketAddress(&address, static_cast<socklen_t>(kUnixHeader + length));
}

SocketAddress SocketAddress::vsock(std::uint32_t cid, std::uint32_t port) {
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    return {&address, sizeof address};
}

std::optional<SocketAddress> SocketAddress::bound_to(int fd) {
    AddressRoom room;
    if (getsockname(fd, room.data(), &room.size) != 0) return std::nullopt;
    return room.address();
}

std::optional<SocketAddress> SocketAddress::peer_of(int fd) {
    AddressRoom room;
    if (getpeername(fd, room.data(), &room.size) != 0) return std::nullopt;
    return room.address();
}

static const sockaddr_vm& as_vsock(const SocketAddress& address) {
    return *reinterpret_cast<const sockaddr_vm*>(address.data());
}

std::uint32_t SocketAddress::port() const {
    if (family() == AF_INET) return ntohs(v4().sin_port);
    if (family() == AF_INET6) return ntohs(v6().sin6_port);
    if (family() == AF_VSOCK) return as_vsock(*this).svm_port;
    return 0;
}

void SocketAddress::set_port(std::uint16_t port) {
    auto* const address = const_cast<sockaddr*>(data());
    if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
    if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
}

bool SocketAddress::is_wildcard() const {
    if (family() == AF_INET) return v4().sin_addr.s_addr == htonl(INADDR_ANY);
    if (family() == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&v6().sin6_addr);
    return family() == AF_VSOCK && as_vsock(*this).svm_cid == VMADDR_CID_ANY;
}

bool SocketAddress::is_loopback() const {
    const SocketAddress plain = unmapped();
    if (plain.family() == AF_INET) return (ntohl(plain.v4().sin_addr.s_addr) >> 24) == 127;
    return plain.family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&plain.v6().sin6_addr);
}

bool SocketAddress::is_multicast() const {
    const SocketAddress plain = unmapped();
    if (plain.family() == AF_INET) return IN_MULTICAST(ntohl(plain.v4().sin_addr.s_addr));
    return plain.family() == AF_INET6 && IN6_IS_ADDR_MULTICAST(&plain.v6().sin6_addr);
}

SocketAddress SocketAddress::unmapped() const {
    if (family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6().sin6_addr)) return *this;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = v6().sin6_port;
    std::memcpy(&v4.sin_addr, &v6().sin6_addr.s6_addr[12], sizeof v4.sin_addr);
    return {&v4, sizeof v4};
}

static std::string unix_name(const SocketAddress& address) {
    if (address.size() <= kUnixHeader) return {};
    const char* name = reinterpret_cast<const char*>(address.data()) + kUnixHeader;
    const std::size_t length = address.size() - kUnixHeader;
    if (*name == '\0') return "@" + std::string(name + 1, length - 1);
    return {name, strnlen(name, length)};
}

std::string SocketAddress::unix_file() const {
    if (family() != AF_UNIX) return {};
    std::string name = unix_name(*this);
    return name.starts_with('@') ? std::string{} : name;
}

// inet_ntop(3) of glibc has sprintf do it, which takes ten times as long, and this is done three
// times for each client.
static std::string dotted(in_addr address) {
    std::array<char, INET_ADDRSTRLEN> text{};
    char* end = text.data();
    for (int shift = 24; shift >= 0; shift -= 8) {
        if (end != text.data()) *end++ = '.';
        const std::uint32_t octet = (ntohl(address.s_addr) >> shift) & 0xff;
        end = std::to_chars(end, text.end(), octet).ptr;
    }
    return {text.data(), end};
}

std::string SocketAddress::host() const {
    switch (family()) {
    case AF_INET:
        return dotted(v4().sin_addr);
    case AF_INET6: {
        std::array<char, INET6_ADDRSTRLEN> text{};
        std::string host = inet_ntop(AF_INET6, &v6().sin6_addr, text.data(), text.size());
        if (v6().sin6_scope_id == 0) return host;
        std::array<char, IF_NAMESIZE> name{};
        if (if_indextoname(v6().sin6_scope_id, name.data()) != nullptr)
            return host + "%" + name.data();
        return fmt::format("{}%{}", host, v6().sin6_scope_id);
    }
    case AF_VSOCK:
        return fmt::format("vsock:{}", as_vsock(*this).svm_cid);
    case AF_UNIX:
        return unix_name(*this);
    default:
        return {};
    }
}

std::string SocketAddress::to_string() const {
    switch (family()) {
    case AF_INET:
    case AF_VSOCK:
        return host() + ":" + std::to_string(port());
    case AF_INET6:
        return "[" + host() + "]:" + std::to_string(port());
    case AF_UNIX: {
        // A peer may have bound itself to any bytes.
        const std::string name = unix_name(*this);
        return name.empty() ? "unnamed" : escaped(name);
    }
    default:
        return "unknown";
    }
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.size_ == b.size_ && std::memcmp(a.data(), b.data(), a.size_) == 0;
}

bool operator<(const SocketAddress& a, const SocketAddress& b) {
    if (a.size_ != b.size_) return a.size_ < b.size_;
    return std::memcmp(a.data(), b.data(), a.size_) < 0;
}

} // namespace inetd
