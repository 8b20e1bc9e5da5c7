#pragma once

#include "builtin/http_sessions.h"
#include "builtin/ident.h"
#include "builtin/proxy_receiver.h"
#include "builtin/relays.h"
#include "builtin/sessions.h"
#include "builtin/tcpmux.h"
#include "event/loop.h"
#include "server/admission.h"
#include "server/client.h"
#include "server/greeter.h"
#include "server/launcher.h"
#include "server/lender.h"
#include "server/parser_client.h"
#include "server/peers.h"
#include "server/screening.h"
#include "server/senders.h"
#include "server/service.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace inetd {

// Takes clients from the sockets of the services and sees each of them served: by a session in the
// loop or by a child.
class Acceptor {
  public:
    Acceptor(EventLoop& loop, Launcher& launcher, SocketKeeper& keeper, Feed& feed,
             ParserClient& parser);

    [[nodiscard]] Admission& admission() { return admission_; }
    [[nodiscard]] const Admission& admission() const { return admission_; }
    [[nodiscard]] Screening& screening() { return screening_; }
    [[nodiscard]] Lender& lender() { return lender_; }
    [[nodiscard]] Peers& peers() { return peers_; }
    [[nodiscard]] Sessions& streams() { return sessions_; }
    [[nodiscard]] const Sessions& streams() const { return sessions_; }
    [[nodiscard]] MuxSessions& mux() { return mux_; }
    [[nodiscard]] const MuxSessions& mux() const { return mux_; }

    // Who is behind tcpmux: asked for each client of it.
    using FindMuxed = std::function<Service*(const std::string& name)>;
    using ListMuxed = std::function<std::vector<std::string>()>;
    void set_mux(FindMuxed find, ListMuxed list);

    // What `internal metrics` answers. `stays`: whether clients may at present.
    using FindDocument = std::function<std::optional<HttpDocument>(const HttpRequest&)>;
    void set_documents(FindDocument find, std::function<bool()> stays);
    [[nodiscard]] HttpSessions& http() { return http_; }
    [[nodiscard]] const HttpSessions& http() const { return http_; }

    [[nodiscard]] Relays& relays() { return relays_; }
    [[nodiscard]] const Relays& relays() const { return relays_; }
    [[nodiscard]] std::size_t sessions() const {
        return sessions_.count() + mux_.count() + relays_.count() + idents_.count() +
               http_.count() + awaited();
    }
    // Clients that cannot be handed over, but are known, answered or gone within seconds.
    [[nodiscard]] std::size_t unsettled() const {
        return idents_.count() + http_.busy() + awaited();
    }
    void stop_sessions();
    // Ends the processes that look up and parse; others take their place when they are needed.
    void retire_workers();
    [[nodiscard]] const Greeter& greeter() const { return greeter_; }

  private:
    [[nodiscard]] std::size_t awaited() const {
        return proxied_.count() + screening_.resolver().waiting();
    }
    void on_ready(Endpoint& endpoint);
    void accept_clients(Endpoint& endpoint);
    void receive(Endpoint& endpoint, Listener::Accepted accepted);
    void take_client(Endpoint& endpoint, Client client);
    void screen(Endpoint& endpoint, Client client);
    void admit(Endpoint& endpoint, Client client);
    void serve(Endpoint& endpoint, Client client);
    void serve_here(Service& service, Client client);
    void await_header(Endpoint& endpoint, Listener::Accepted accepted);
    void note_end(const SessionEnd& end);
    void note_unreachable(const ServiceConfig& service, const SocketAddress& target, int code);
    void start_server(Endpoint& endpoint);
    std::string_view serve_muxed(Fd& fd, const SocketAddress& peer, const std::string& name,
                                 std::shared_ptr<void>& lease);
    void screen_muxed(const std::string& name, Client client);
    void start_muxed(Service& service, Client client);
    void note_mux_end(const MuxEnd& end);

    EventLoop& loop_;
    Launcher& launcher_;
    ParserClient& parser_;
    Admission admission_;
    Greeter greeter_;
    Screening screening_;
    Lender lender_;
    Peers peers_;
    Senders senders_;
    Sessions sessions_;
    MuxSessions mux_;
    Relays relays_;
    IdentSessions idents_;
    HttpSessions http_;
    ProxyReceiver proxied_;
    // By the ids of services.
    std::unordered_map<std::string, Throttle> unreachable_notes_;
    std::unordered_map<std::string, Throttle> unparsed_notes_;
    FindMuxed find_muxed_;
    ListMuxed list_muxed_;
    FindDocument find_document_;
    std::function<bool()> clients_stay_;
};

} // namespace inetd
