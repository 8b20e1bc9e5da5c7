#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/flow.h"
#include "config/model.h"
#include "event/loop.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>

namespace inetd {

// A relay that goes on in another process.
struct RelayState {
    ServiceConfigPtr service;
    SocketAddress peer; // unnamed for a unix socket, which knows it by itself
    TimePoint started{};
    int client = -1;
    int target = -1; // -1: it was not connected to yet
    bool client_gone = false;
    bool target_gone = false;
    FlowState up{};
    FlowState down{};
};

// Has the end of the connection be a reset, whatever was sent before.
void reset_at_close(const Fd& fd);

// One client and the target that it is relayed to. Kept small, because thousands of idle ones are
// normal.
class Relay {
  public:
    // One end of the relay.
    struct Side {
        Fd fd;
        Watch watch;
        std::uint32_t events = 0; // that it is watched for
        bool gone = false;        // hung up: may still be read, and nothing can be written any more
    };
    // What is only needed until there is a connection to the target.
    struct Attempt {
        std::size_t next = 0; // index into the addresses of the target
        TimePoint give_up{};  // on that one
        Timer timer;
    };

    Relay(ServiceConfigPtr service, Fd connection, const SocketAddress& from,
          std::shared_ptr<void> lease, TimePoint now);

    // Owns the descriptors of `state` from here on.
    Relay(const RelayState& state, std::shared_ptr<void> lease, PipePool& pool);
    [[nodiscard]] RelayState state() const;

    // Moves what can be moved, both ways. True if anything was.
    bool pump(PipePool& pool);
    // Both directions have ended.
    [[nodiscard]] bool over() const;
    // errno of what broke it, 0 if nothing did.
    [[nodiscard]] int error() const;
    [[nodiscard]] bool starved() const;
    // What each side is to be watched for; to be asked after each pump().
    [[nodiscard]] std::uint32_t client_events() const { return events(client, up, down, target); }
    [[nodiscard]] std::uint32_t target_events() const { return events(target, down, up, client); }
    // Gives pipes back. If the stream to a side was cut short, that side is told by a reset, as an
    // orderly end would make it look whole; `abort`: both are.
    void finish(PipePool& pool, bool abort);

    [[nodiscard]] const ServiceConfigPtr& service() const { return service_; }
    [[nodiscard]] const std::shared_ptr<void>& lease() const { return lease_; }
    [[nodiscard]] SocketAddress peer() const;
    [[nodiscard]] TimePoint started() const { return started_; }

    TimePoint touched; // of the IdleList that owns the relay
    Side client;
    Side target;
    Flow up;   // from the client to the target
    Flow down; // back
    std::unique_ptr<Attempt> attempt;
    bool waits_for_pipe = false; // for the owner to note

  private:
    static std::uint32_t events(const Side& side, const Flow& from_it, const Flow& to_it,
                                const Side& other);

    ServiceConfigPtr service_;
    std::shared_ptr<void> lease_;
    TimePoint started_;
    // Not a SocketAddress, which would keep the path of a unix peer: these are not stored.
    std::array<char, sizeof(sockaddr_in6)> peer_{};
    std::uint8_t peer_size_ = 0;
};

} // namespace inetd
