#pragma once

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace inetd {

// The address of a socket: IPv4, IPv6, unix (path, abstract or unnamed) or vsock. A pure value.
class SocketAddress {
  public:
    SocketAddress() : unix_{} {}
    // Copies `size` bytes, as accept(2) or getsockname(2) left them; what is too long is cut.
    SocketAddress(const void* address, socklen_t size);

    // "192.0.2.1", "::1", "fe80::1%eth0": numeric only, never a look-up of a host's name.
    static std::optional<SocketAddress> parse_ip(std::string_view host, std::uint16_t port);
    static SocketAddress any_v4(std::uint16_t port);
    static SocketAddress any_v6(std::uint16_t port);
    // A path, or "@name" for the abstract name space. Nothing if it does not fit sun_path
    // (unix(7)).
    static std::optional<SocketAddress> unix_path(std::string_view path);
    static SocketAddress vsock(std::uint32_t cid, std::uint32_t port);

    [[nodiscard]] int family() const { return generic_.sa_family; }
    [[nodiscard]] const sockaddr* data() const { return &generic_; }
    [[nodiscard]] socklen_t size() const { return size_; }
    [[nodiscard]] bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }

    // Host order; 0 where the family has no ports.
    [[nodiscard]] std::uint32_t port() const;
    void set_port(std::uint16_t port);

    // 0.0.0.0, :: or VMADDR_CID_ANY.
    [[nodiscard]] bool is_wildcard() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_multicast() const;
    // ::ffff:192.0.2.1 becomes 192.0.2.1; everything else stays as it is.
    [[nodiscard]] SocketAddress unmapped() const;

    // The file system path of a unix socket; empty for abstract, unnamed and other families.
    [[nodiscard]] std::string unix_file() const;

    // Without the port: "192.0.2.1", "::1", "/run/x", "@x", "" (unnamed).
    [[nodiscard]] std::string host() const;
    // For people, with the port and without what would spoil a line: "192.0.2.1:79", "[::1]:79",
    // "/run/x", "@x", "unnamed", "vsock:2:79".
    [[nodiscard]] std::string to_string() const;

    // Typed views; only for the family that matches.
    [[nodiscard]] const sockaddr_in& v4() const { return v4_; }
    [[nodiscard]] const sockaddr_in6& v6() const { return v6_; }

    // Room for system calls that write an address: pass `room()`, then call `set_size`.
    [[nodiscard]] sockaddr* room() { return &generic_; }
    static constexpr socklen_t kRoom = sizeof(sockaddr_un);
    void set_size(socklen_t size) { size_ = size < kRoom ? size : kRoom; }

    friend bool operator==(const SocketAddress& a, const SocketAddress& b);
    friend bool operator<(const SocketAddress& a, const SocketAddress& b);

  private:
    union {
        sockaddr generic_;
        sockaddr_in v4_;
        sockaddr_in6 v6_;
        sockaddr_un unix_;
    };
    socklen_t size_ = 0;
};

} // namespace inetd
