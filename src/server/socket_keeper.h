#pragma once

#include "net/listener.h"
#include "server/inheritance.h"
#include "server/supervisor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace inetd {

// Why a listener closes.
enum class Parting : std::uint8_t {
    unwanted, // its line has gone
    stop,     // the daemon stops for good
    restart,  // another daemon will be started at once
};

// A "dgram nowait" server: each peer gets a socket of its own.
[[nodiscard]] bool splits(const ServiceConfig& config, const ListenSpec& spec);

// Where listening sockets come from and where they go: taken over from whoever started the daemon
// or else opened, left with the supervisor for the daemon after us, and given back.
class SocketKeeper {
  public:
    explicit SocketKeeper(Supervisor& supervisor) : supervisor_(supervisor) {}

    // Before anything else. Cannot fail half-way: on an exception `inheritance` is as it was.
    void inherit(Inheritance&& inheritance);

    // The limit of descriptors with which a daemon is started: systemd cannot start one that it
    // would have to hand more.
    void set_descriptor_limit(std::size_t limit) { descriptor_limit_ = limit; }

    // InheritedSockets::with_their_addresses().
    [[nodiscard]] std::vector<ServiceConfigPtr>
    with_handed_in(std::vector<ServiceConfigPtr> services) const;
    [[nodiscard]] const InheritedSockets& inherited() const { return inheritance_.sockets; }
    // Once, before anything is opened: logs what no line wants, and lets go of it. A unit's socket
    // is held on to, as a reload may bring a line for it, and nobody else can have its address.
    void sort_out(const std::vector<ServiceConfigPtr>& wanted);

    // Takes the socket over if there is one, opens it if not.
    Result<Listener> open(const ServiceConfig& config, const ListenSpec& spec);
    // Makes a listener that stays do for the service's new form, which has it for `spec`.
    static Result<void> refit(const Listener& listener, const ServiceConfig& config,
                              const ListenSpec& spec, const SocketOptions& before);
    // `lent`: a wait server has it, and goes on with it.
    void close(Listener listener, const ListenSpec& spec, bool lent, Parting why);

    // The server that was lent the socket by a daemon before us and still runs. Only once for each
    // socket.
    std::optional<Borrower> take_server(const ListenSpec& spec);
    // Tells the daemon after us of the server that has the socket.
    void note_server(const ListenSpec& spec, int pidfd);
    void forget_server(const ListenSpec& spec);
    // Whether there is anybody to remember it.
    [[nodiscard]] bool remembers() const { return supervisor_.present(); }

  private:
    // Without a socket if there is none, or none of use.
    Result<Listener> take_over(const ServiceConfig& config, const ListenSpec& spec);

    // A server of before may have left it in a state in which nothing comes through any more.
    Result<Listener> if_useful(Listener listener, const ServiceConfig& config,
                               const ListenSpec& spec);

    [[nodiscard]] std::size_t most_kept() const;
    // False if there is no room for it, or nobody to keep it.
    bool keep(const std::string& name, int fd, bool polled);
    void drop(const std::string& name);

    Inheritance inheritance_;
    Supervisor& supervisor_;
    std::unordered_set<std::string> kept_; // names of what is in the store
    std::size_t descriptor_limit_ = 0;
    bool said_full_ = false;
};

} // namespace inetd
