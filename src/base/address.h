#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace inetd {

// The address of a socket: IPv4, IPv6, unix (path, abstract or unnamed) or vsock. A pure value, and
// a small one, as every service and every client has some: what is longer than an address of IPv6,
// which only a unix path or name can be, is on the heap.
class SocketAddress {
  public:
    // The longest address; what is beyond it is cut.
    static constexpr socklen_t kLongest = sizeof(sockaddr_un);

    constexpr SocketAddress() = default;
    // Copies `size` bytes, as accept(2) or getsockname(2) left them.
    SocketAddress(const void* address, socklen_t size);
    SocketAddress(const SocketAddress& other) : bytes_(other.bytes_), size_(other.size_) {
        if (is_long()) copy_long(other.data());
    }
    SocketAddress(SocketAddress&& other) noexcept
        : bytes_(std::exchange(other.bytes_, {})), size_(std::exchange(other.size_, 0)) {}
    SocketAddress& operator=(const SocketAddress& other) {
        SocketAddress copy(other);
        swap(copy);
        return *this;
    }
    SocketAddress& operator=(SocketAddress&& other) noexcept {
        SocketAddress taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~SocketAddress() {
        if (is_long()) free_long();
    }

    // "192.0.2.1", "::1", "fe80::1%eth0": numeric only, never a look-up of a host's name.
    static std::optional<SocketAddress> parse_ip(std::string_view host, std::uint16_t port);
    static SocketAddress any_v4(std::uint16_t port);
    static SocketAddress any_v6(std::uint16_t port);
    // A path, or "@name" for the abstract name space. Nothing if it does not fit sun_path
    // (unix(7)).
    static std::optional<SocketAddress> unix_path(std::string_view path);
    static SocketAddress vsock(std::uint32_t cid, std::uint32_t port);
    // getsockname(2) and getpeername(2); nothing, and errno, where these fail.
    static std::optional<SocketAddress> bound_to(int fd);
    static std::optional<SocketAddress> peer_of(int fd);

    [[nodiscard]] int family() const { return data()->sa_family; }
    // Good until the object is changed, moved or destroyed.
    [[nodiscard]] const sockaddr* data() const {
        const std::byte* bytes = is_long() ? long_bytes() : bytes_.data();
        return reinterpret_cast<const sockaddr*>(bytes);
    }
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
    [[nodiscard]] const sockaddr_in& v4() const {
        return *reinterpret_cast<const sockaddr_in*>(data());
    }
    [[nodiscard]] const sockaddr_in6& v6() const {
        return *reinterpret_cast<const sockaddr_in6*>(data());
    }

    friend bool operator==(const SocketAddress& a, const SocketAddress& b);
    friend bool operator<(const SocketAddress& a, const SocketAddress& b);

  private:
    static constexpr socklen_t kShort = sizeof(sockaddr_in6);

    [[nodiscard]] bool is_long() const { return size_ > kShort; }
    [[nodiscard]] std::byte* long_bytes() const;
    void copy_long(const void* address);
    void free_long();
    void swap(SocketAddress& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(size_, other.size_);
    }

    // The address with zeroes behind it; of a long one, where on the heap it is.
    alignas(std::byte*) std::array<std::byte, kShort> bytes_{};
    socklen_t size_ = 0;
};

// Room for a system call that writes an address, as accept(2) and recvfrom(2) do. Plain bytes.
struct AddressRoom {
    sockaddr_un bytes; // unset
    socklen_t size = sizeof bytes;

    [[nodiscard]] sockaddr* data() { return reinterpret_cast<sockaddr*>(&bytes); }
    // What was written, once `size` tells how long that is.
    [[nodiscard]] SocketAddress address() const { return {&bytes, size}; }
};

} // namespace inetd
