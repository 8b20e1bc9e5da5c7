#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"
#include "net/socket.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace inetd {

// A bound socket that somebody else has opened, and what the kernel says of it.
struct InheritedSocket {
    Fd fd;            // close-on-exec
    std::string name; // what it was handed over as
    Holder holder = Holder::unit;
    ListenSpec spec;
    std::string device; // SO_BINDTODEVICE; empty = any
    // Whether a process that was lent it may have it still: of what comes from elsewhere nobody
    // knows.
    bool was_lent = true;

    // "127.0.0.1:13 (stream)", "[::]:13 (stream, IPv4 too, eth0)"
    [[nodiscard]] std::string text() const;
};

// Error: the descriptor is nothing that one could listen on. A server that it was lent may have
// connected a socket of datagrams; where the caller knows what it is bound to (`bound`), that
// server is not disturbed.
Result<InheritedSocket> examine_socket(Fd fd, std::string name, Holder holder,
                                       const SocketAddress& bound = {});

// Whether a socket that is bound like this is one that would be opened for the spec.
[[nodiscard]] bool is_bound_as(const ListenSpec& bound, const ListenSpec& wanted);

// The sockets that the daemon was started with and that no line has taken yet. It is asked before a
// socket is opened. Whoever starts the daemon fills it: the supervisor with those of its units and
// of its store, a predecessor in the same process with those that it had open.
class InheritedSockets {
  public:
    // Error: as examine_socket(); the descriptor is closed.
    Result<void> add(Fd fd, std::string name, Holder holder);
    void add(InheritedSocket socket);
    // What was taken.
    void give_back(InheritedSocket socket);

    // What they were handed over as.
    [[nodiscard]] std::vector<std::string> names(Holder holder) const;

    // Nothing if there is none.
    std::optional<InheritedSocket> take(const ListenSpec& wanted);
    // What a unit calls its socket, also one that was taken.
    [[nodiscard]] std::string name_of(const ListenSpec& bound) const;
    [[nodiscard]] const std::multimap<SocketAddress, InheritedSocket>& left() const {
        return sockets_;
    }
    // Takes all those out that nobody of `services` would take and that `holder` holds.
    std::vector<InheritedSocket> take_unwanted(const std::vector<ServiceConfigPtr>& services,
                                               Holder holder);
    [[nodiscard]] std::size_t count_of_units() const { return of_units_.size(); }
    // What nobody of `services` would take, and stays here.
    [[nodiscard]] std::vector<const InheritedSocket*>
    unwanted(const std::vector<ServiceConfigPtr>& services) const;

    // The services, each with the addresses of the units' sockets that bear its name in place of
    // its own. One socket for IPv4 and IPv6 serves a line that would open two. Sockets that were
    // taken count as well, so that a reload comes to the same.
    [[nodiscard]] std::vector<ServiceConfigPtr>
    with_their_addresses(std::vector<ServiceConfigPtr> services) const;

  private:
    struct Named {
        std::string name;
        ListenSpec spec;
    };
    std::multimap<SocketAddress, InheritedSocket> sockets_;
    std::vector<Named> of_units_; // also those that are taken
};

} // namespace inetd
