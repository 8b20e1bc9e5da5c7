#pragma once

#include "event/loop.h"
#include "policy/outcasts.h"
#include "server/client_log.h"
#include "server/feed.h"
#include "server/service.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace inetd {

// Decides, socket by socket, whether to listen at all just now, and client by client who may come
// in. Says so in the log, seldom enough that strangers cannot fill it.
class Admission {
  public:
    using OnReady = std::function<void(Endpoint&)>;
    Admission(EventLoop& loop, ClientLog& client_log, Feed& feed, OnReady on_ready);

    // Listens on the endpoint if nothing stands in the way; else sees to it that this is called
    // again when it does not any more.
    void arm(Endpoint& endpoint);
    void arm_all(Service& service);
    // Somebody waits at the socket, which is not watched: as if it had become readable, unless
    // something stands in the way.
    void answer(Endpoint& endpoint);
    // What opens a socket anew that is of no use any more; it may call arm().
    void on_lost(OnReady reopen) { reopen_ = std::move(reopen); }
    // Mends what a process that has or had the endpoint's socket has done to it. False: it had to
    // be opened anew.
    bool repair(Endpoint& endpoint);
    // To whom it tells what becomes of services and clients.
    [[nodiscard]] Feed& feed() { return feed_; }
    // From now on nobody is listened to any more.
    void stop() { stopped_ = true; }

    // Whether the service can take one more; if not, the endpoint is parked until it can.
    bool has_room(Endpoint& endpoint);
    // Where there is no room, clients wait in the kernel, or are taken only to be refused.
    bool takes_clients(Endpoint& endpoint);
    // What an instance for this peer holds while it runs; null: refused. `reserved`: it holds a
    // place already. `connection`, here and below: for questions about the peer; -1 = none.
    std::shared_ptr<void> admit(Service& service, const SocketAddress& peer, bool reserved = false,
                                int connection = -1);
    // A place for somebody of whom it is not known yet who he is, but for his balancer.
    std::shared_ptr<void> reserve(Service& service, const SocketAddress& balancer, int connection);
    // Whether the peer is shut out just now; then it has been counted and noted.
    bool refuses_outcast(Service& service, const SocketAddress& peer, int connection);
    // Counts and notes a client that the service turns away for another reason than its limits.
    void refuse(Service& service, const SocketAddress& peer, Refusal refusal, int connection);
    // The peer touched a sensor: for a time every service refuses it.
    void shut_out(Service& sensor, const SocketAddress& peer);
    // The same for a wait service, whose peers only the server will see.
    std::shared_ptr<void> admit_server(Service& service);
    // What counts the service's instances, made if nobody has come before.
    [[nodiscard]] const std::shared_ptr<Gate>& gate_of(Service& service);
    // From now on the gate counts those of this service, and its endpoints are armed when one ends.
    void set_gate(Service& service, std::shared_ptr<Gate> gate);
    // For the gates that are made from now on: Gate::keep_history().
    void keep_histories(bool wanted) { keeps_histories_ = wanted; }
    // Of what these have given out. All leases are Slots, also those of Succession.
    [[nodiscard]] static Gate& gate_of(const std::shared_ptr<void>& lease) {
        return static_cast<Slot*>(lease.get())->gate();
    }

    // Those who are shut out.
    [[nodiscard]] Outcasts& outcasts() { return outcasts_; }
    [[nodiscard]] const Outcasts& outcasts() const { return outcasts_; }

    void pause(Endpoint& endpoint, Duration how_long);
    // The kernel does not give one more, for want of a descriptor or of memory, or because it is
    // forbidden: clients wait, this endpoint backs off.
    void exhausted(Endpoint& endpoint, const std::string& what, int code);

  private:
    bool must_wait(Endpoint& endpoint);
    void on_events(Endpoint& endpoint, std::uint32_t events);
    void note(Service& service, const SocketAddress& peer, Refusal refusal, int connection);
    std::shared_ptr<void> ask_gate(Service& service, const SocketAddress& peer, Gate::Ask ask,
                                   int connection);

    EventLoop& loop_;
    ClientLog& client_log_;
    Feed& feed_;
    OnReady on_ready_;
    OnReady reopen_;
    Outcasts outcasts_;
    bool stopped_ = false;
    bool keeps_histories_ = false;
};

} // namespace inetd
