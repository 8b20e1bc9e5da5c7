#pragma once

#include "builtin/sessions.h"
#include "builtin/tcpmux.h"
#include "event/loop.h"
#include "net/peer_socket.h"
#include "server/launcher.h"
#include "server/lender.h"
#include "server/service.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace inetd {

// Takes clients from the sockets of the services and sees each of them served: by a session in the
// loop or by a child. Decides, socket by socket, whether to listen at all just now.
class Acceptor {
  public:
    Acceptor(EventLoop& loop, Launcher& launcher);
    void set_log_connections(bool wanted) { log_connections_ = wanted; }

    // Listens on the endpoint if nothing stands in the way; else sees to it that this is called
    // again when it does not any more.
    void arm(Endpoint& endpoint);
    void arm_all(Service& service);

    // Who is behind tcpmux: asked for each client of it.
    using FindMuxed = std::function<Service*(const std::string& name)>;
    using ListMuxed = std::function<std::vector<std::string>()>;
    void set_mux(FindMuxed find, ListMuxed list);

    // From now on nobody is taken any more.
    void stop();
    [[nodiscard]] std::size_t sessions() const { return sessions_.count() + mux_.count(); }
    void stop_sessions();

  private:
    void on_ready(Endpoint& endpoint);
    void accept_clients(Endpoint& endpoint);
    void take_client(Endpoint& endpoint, Listener::Accepted client);
    void answer_datagrams_of(Endpoint& endpoint);
    void split_datagrams(Endpoint& endpoint);

    bool has_room(Endpoint& endpoint);
    bool takes_clients(Endpoint& endpoint);
    void pause(Endpoint& endpoint, Duration how_long);
    void exhausted(Endpoint& endpoint, const std::string& what, int code);
    void note_refusal(Service& service, const SocketAddress& peer, Refusal refusal);
    bool serve_muxed(Fd& fd, const SocketAddress& peer, const std::string& name,
                     std::shared_ptr<void>& lease);

    EventLoop& loop_;
    Launcher& launcher_;
    Lender lender_;
    Sessions sessions_;
    MuxSessions mux_;
    PeerSplitter splitter_;
    FindMuxed find_muxed_;
    ListMuxed list_muxed_;
    bool log_connections_ = false;
    bool stopped_ = false;
};

} // namespace inetd
