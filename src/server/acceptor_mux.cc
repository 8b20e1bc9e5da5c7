// How clients of tcpmux come to the services behind it.
#include "builtin/tcpmux.h"

#include "net/socket.h"
#include "server/acceptor.h"

#include <fmt/core.h>

namespace inetd {

// Nothing, or what a client is told that it has left to tcpmux.
std::string_view Acceptor::serve_muxed(Fd& fd, const SocketAddress& peer, const std::string& name,
                                       std::shared_ptr<void>& lease) {
    Service* service = find_muxed_(name);
    if (service == nullptr) return kMuxUnavailable;
    if (const auto room = service->counts().room(service->config->terms->limits, loop_.now());
        !room) {
        const Refusal refusal = room.full ? Refusal::instances : Refusal::rate;
        admission_.gate_of(*service)->count(refusal, loop_.now());
        admission_.feed().refused(*service->config, peer, refusal_key(refusal));
        if (service->notes.get().full.pass(loop_.now()))
            launcher_.client_log().refused({.config = service->config,
                                            .peer = peer,
                                            .host = ClientLog::host_text(peer),
                                            .why = refusal_text(refusal),
                                            .key = refusal_key(refusal),
                                            .connection = fd.get()});
        return kMuxBusy;
    }
    auto verdict = Screening::Verdict::admitted;
    if (service->screened) verdict = screening_.look(*service, peer, fd.get());
    if (verdict == Screening::Verdict::refused) return kMuxUnavailable;
    auto own_lease = admission_.admit(*service, peer, false, fd.get());
    if (!own_lease) return kMuxUnavailable;
    lease.reset(); // tcpmux itself has done its part
    Client client{.fd = std::move(fd),
                  .peer = peer,
                  .local = {},
                  .lease = std::move(own_lease),
                  .since = loop_.now()};
    if (verdict == Screening::Verdict::unknown)
        screen_muxed(name, std::move(client));
    else
        start_muxed(*service, std::move(client));
    return {};
}

void Acceptor::screen_muxed(const std::string& name, Client client) {
    screening_.look_up(
        {.client = std::move(client),
         .service = [this, name] { return find_muxed_(name); },
         .admitted = [this](Service& service,
                            Client known) { start_muxed(service, std::move(known)); },
         .refused =
             [this](Service&, Client refused) {
                 mux_.turn_away(std::move(refused.fd), std::move(refused.lease));
             }});
}

void Acceptor::note_mux_end(const MuxEnd& end) {
    if (end.outcome != MuxEnd::Outcome::unparsed) return;
    const ServiceConfigPtr& config = end.mux;
    // It has none if its service was gone after a change of the binary.
    if (end.lease) Admission::gate_of(end.lease).count(Refusal::parser, loop_.now());
    admission_.feed().refused(*config, end.peer, refusal_key(Refusal::parser));
    Throttle& notes = unparsed_notes_[config->id()];
    if (!ClientLog::notes_refusals(*config) || !notes.pass(loop_.now())) return;
    const auto others = notes.suppressed();
    const std::string more = others != 0 ? fmt::format(" ({} more refused before)", others) : "";
    launcher_.client_log().refused({.config = config,
                                    .peer = end.peer,
                                    .host = ClientLog::host_text(end.peer),
                                    .why = refusal_text(Refusal::parser) + more,
                                    .key = refusal_key(Refusal::parser)});
}

void Acceptor::start_muxed(Service& service, Client client) {
    if (service.config->mux_greets && !mux_reply(client.fd.get(), kMuxGo)) return;
    launcher_.launch({.service = service,
                      .gate = admission_.gate_of(service),
                      .socket = client.fd.get(),
                      .peer = client.peer,
                      .local = own_address(client.fd.get()),
                      .lease = std::move(client.lease),
                      .since = client.since});
}

} // namespace inetd
