#include "net/inherited.h"

#include "net/repair.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <net/if.h>

namespace inetd {

static std::optional<int> option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd, level, name, &value, &size) != 0) return std::nullopt;
    return value;
}

std::string InheritedSocket::text() const {
    return fmt::format("{} ({}{}{})", spec.address.to_string(), socket_type_name(spec.type),
                       spec.dual_stack ? ", IPv4 too" : "", device.empty() ? "" : ", " + device);
}

static std::string device_of(int fd) {
    std::array<char, IF_NAMESIZE> name{};
    socklen_t size = name.size();
    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(), &size) != 0) return {};
    return name.data();
}

static bool has_connections(int type) {
    return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

// While a socket of datagrams has a peer getsockname(2) tells the address that this one sees, in
// place of a wildcard. So it loses its peer for the moment that it takes to ask.
static SocketAddress bound_address(int fd) {
    const auto peer = SocketAddress::peer_of(fd);
    const bool connected = peer && disconnect(fd);
    SocketAddress bound = own_address(fd);
    // If that fails, it is as it should be: whoever takes it would disconnect it.
    if (connected) static_cast<void>(connect(fd, peer->data(), peer->size()));
    return bound;
}

static bool is_bound(const SocketAddress& address, int type) {
    if (address.family() == AF_UNIX) return !address.host().empty();
    return address.port() != 0 || type == SOCK_RAW;
}

Result<InheritedSocket> examine_socket(Fd fd, std::string name, Holder holder,
                                       const SocketAddress& bound) {
    const std::string what = fmt::format("descriptor {} (\"{}\")", fd.get(), name);
    const auto family = option(fd.get(), SOL_SOCKET, SO_DOMAIN);
    const auto type = option(fd.get(), SOL_SOCKET, SO_TYPE);
    if (!family || !type) return Error{what, errno};
    if (*family != AF_INET && *family != AF_INET6 && *family != AF_UNIX && *family != AF_VSOCK)
        return Error{what + " is a socket of a family that no line can have", 0};
    if (has_connections(*type) && is_connected(fd.get()))
        return Error{what + " is a connection: its unit must not have Accept=yes", 0};
    InheritedSocket socket;
    ListenSpec& spec = socket.spec;
    spec.address = bound.family() == AF_UNSPEC ? bound_address(fd.get()) : bound;
    if (spec.address.family() == AF_UNSPEC) return errno_error(what);
    spec.type = static_cast<std::int16_t>(*type);
    if (spec.address.is_ip())
        spec.protocol =
            static_cast<std::int16_t>(option(fd.get(), SOL_SOCKET, SO_PROTOCOL).value_or(0));
    if (!is_bound(spec.address, *type)) return Error{what + " is not bound to an address", 0};
    if (*family == AF_INET6)
        spec.dual_stack = spec.address.is_wildcard() &&
                          option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY).value_or(1) == 0;
    fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    socket.device = device_of(fd.get());
    socket.name = std::move(name);
    socket.holder = holder;
    socket.fd = std::move(fd);
    return socket;
}

static bool same_kind(const ListenSpec& a, const ListenSpec& b) {
    return a.type == b.type && a.protocol == b.protocol;
}

bool is_bound_as(const ListenSpec& bound, const ListenSpec& wanted) {
    // One address is of one family, whatever IPV6_V6ONLY says.
    const bool both = !bound.address.is_wildcard() || bound.dual_stack == wanted.dual_stack;
    return bound.address == wanted.address && same_kind(bound, wanted) && both;
}

static bool wants(const ServiceConfig& service, const ListenSpec& bound) {
    return std::any_of(service.listen.begin(), service.listen.end(),
                       [&](const ListenSpec& spec) { return is_bound_as(bound, spec); });
}

namespace {

// What the services listen on, for many questions.
class Wanted {
  public:
    explicit Wanted(const std::vector<ServiceConfigPtr>& services) {
        for (const auto& service : services)
            for (const ListenSpec& spec : service->listen)
                specs_.emplace(spec.address, &spec);
    }
    [[nodiscard]] bool has(const ListenSpec& bound) const {
        const auto [from, to] = specs_.equal_range(bound.address);
        return std::any_of(from, to,
                           [&](const auto& item) { return is_bound_as(bound, *item.second); });
    }

  private:
    std::multimap<SocketAddress, const ListenSpec*> specs_;
};

} // namespace

Result<void> InheritedSockets::add(Fd fd, std::string name, Holder holder) {
    auto socket = examine_socket(std::move(fd), std::move(name), holder);
    if (!socket) return socket.error();
    add(std::move(*socket));
    return {};
}

void InheritedSockets::add(InheritedSocket socket) {
    if (socket.holder == Holder::unit) of_units_.push_back({socket.name, socket.spec});
    give_back(std::move(socket));
}

void InheritedSockets::give_back(InheritedSocket socket) {
    const SocketAddress address = socket.spec.address;
    sockets_.emplace(address, std::move(socket));
}

std::vector<std::string> InheritedSockets::names(Holder holder) const {
    std::vector<std::string> names;
    for (const auto& [address, socket] : sockets_)
        if (socket.holder == holder) names.push_back(socket.name);
    return names;
}

std::optional<InheritedSocket> InheritedSockets::take(const ListenSpec& wanted) {
    const auto [from, to] = sockets_.equal_range(wanted.address);
    const auto found = std::find_if(
        from, to, [&](const auto& item) { return is_bound_as(item.second.spec, wanted); });
    if (found == to) return std::nullopt;
    InheritedSocket socket = std::move(found->second);
    sockets_.erase(found);
    return socket;
}

std::string InheritedSockets::name_of(const ListenSpec& bound) const {
    for (const Named& named : of_units_) {
        if (is_bound_as(named.spec, bound)) return named.name;
    }
    return {};
}

std::vector<InheritedSocket>
InheritedSockets::take_unwanted(const std::vector<ServiceConfigPtr>& services, Holder holder) {
    const Wanted wanted(services);
    std::vector<InheritedSocket> taken;
    for (auto item = sockets_.begin(); item != sockets_.end();) {
        const bool stays = item->second.holder != holder || wanted.has(item->second.spec);
        if (!stays) taken.push_back(std::move(item->second));
        item = stays ? std::next(item) : sockets_.erase(item);
    }
    return taken;
}

std::vector<const InheritedSocket*>
InheritedSockets::unwanted(const std::vector<ServiceConfigPtr>& services) const {
    const Wanted wanted(services);
    std::vector<const InheritedSocket*> found;
    for (const auto& [address, socket] : sockets_)
        if (!wanted.has(socket.spec)) found.push_back(&socket);
    return found;
}

// A line that would open one socket for IPv4 and another for IPv6, both on all addresses.
static bool covers(const ListenSpec& bound, const ServiceConfig& service) {
    if (!bound.dual_stack || service.listen.size() != 2) return false;
    const auto port = static_cast<std::uint16_t>(bound.address.port());
    bool four = false;
    bool six = false;
    for (const ListenSpec& spec : service.listen) {
        if (!same_kind(spec, bound)) return false;
        four = four || spec.address == SocketAddress::any_v4(port);
        six = six || spec.address == SocketAddress::any_v6(port);
    }
    return four && six;
}

std::vector<ServiceConfigPtr>
InheritedSockets::with_their_addresses(std::vector<ServiceConfigPtr> services) const {
    if (of_units_.empty()) return services;
    const auto written = services; // what the addresses below belong to
    const Wanted wanted(written);
    std::vector<bool> spoken_for(of_units_.size(), false);
    for (ServiceConfigPtr& service : services) {
        if (service->listen.empty()) continue;
        std::vector<ListenSpec> own;
        for (std::size_t i = 0; i < of_units_.size(); ++i) {
            const auto& [name, spec] = of_units_[i];
            const bool by_name = name == service->name && same_kind(spec, service->listen.front());
            if (spoken_for[i] || (!by_name && !covers(spec, *service))) continue;
            // Another line's by its address, which is the more exact.
            if (!wants(*service, spec) && wanted.has(spec)) continue;
            own.push_back(spec);
            spoken_for[i] = true;
        }
        if (own.empty()) continue;
        auto changed = std::make_shared<ServiceConfig>(*service);
        changed->listen = std::move(own);
        service = std::move(changed);
    }
    return services;
}

} // namespace inetd
