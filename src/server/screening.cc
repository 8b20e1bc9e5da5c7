#include "server/screening.h"

#include "log/log.h"
#include "net/peer_user.h"
#include "net/socket.h"
#include "policy/access_times.h"

#include <ctime>
#include <utility>

namespace inetd {

using List = AccessList::Verdict;

struct Screening::Pending {
    Visit visit;
    Known known{};
};

Screening::Screening(EventLoop& loop, Admission& admission)
    : loop_(loop),
      admission_(admission),
      resolver_(loop, [this](const Error& error) { note_trouble(error); }) {}

void Screening::note_trouble(const Error& error) {
    if (trouble_notes_.pass(loop_.now()))
        log::error("resolver: {}; who depends on a name is refused", error.text());
}

Screening::Finding Screening::judge_lists(const AccessList& list, const SocketAddress& peer,
                                          int connection, const Known& known) const {
    List verdict{};
    const HostNames* names = nullptr;
    if (peer.family() == AF_UNIX && list.has_ids()) {
        const auto user = peer_user(connection);
        verdict = user ? list.judge(LocalClient{user->user, user->groups}) : List::no_access;
    } else {
        names = known.names ? &*known.names : resolver_.known(peer);
        verdict = names != nullptr ? list.judge(peer, *names) : list.judge(peer);
    }
    switch (verdict) {
    case List::admitted:
        return {};
    case List::no_access:
        return {.refusal = Refusal::no_access};
    case List::only_from:
        return {.refusal = Refusal::only_from};
    case List::undecided:
        break;
    }
    if (names != nullptr) return {.refusal = Refusal::resolver};
    return {.missing = Inquiry::Kind::names};
}

bool Screening::is_overloaded(double most) {
    const bool reached = load_.reaches(most, loop_.now());
    if (!load_.known() && load_notes_.pass(loop_.now()))
        log::warning("the load cannot be read from /proc/loadavg; nobody is refused by max_load");
    return reached;
}

Screening::Finding Screening::judge(const Service& service, const SocketAddress& peer,
                                    int connection, const Known& known) {
    const AccessConfig& access = service.config->terms->access;
    if (!is_open(access.times, std::time(nullptr))) return {.refusal = Refusal::access_times};
    if (access.max_load != 0 && is_overloaded(access.max_load))
        return {.refusal = Refusal::max_load};
    if (service.common->access) {
        const Finding finding = judge_lists(*service.common->access, peer, connection, known);
        if (finding.refusal || finding.missing) return finding;
    }
    if (!access.libwrap || !peer.is_ip() || connection < 0) return {};
    if (!known.wrappers) return {.missing = Inquiry::Kind::wrappers};
    if (!known.wrappers->answered) return {.refusal = Refusal::resolver};
    if (!known.wrappers->admitted) return {.refusal = Refusal::libwrap};
    return {};
}

Screening::Verdict Screening::look(Service& service, const SocketAddress& peer, int connection) {
    const Finding finding = judge(service, peer, connection, {});
    if (finding.missing) return Verdict::unknown;
    if (!finding.refusal) return Verdict::admitted;
    admission_.refuse(service, peer, *finding.refusal, connection);
    return Verdict::refused;
}

bool Screening::admits_sender(Service& service, const SocketAddress& sender) {
    return look(service, sender, -1) == Verdict::admitted;
}

// As tcpd(8) and xinetd(8) call it.
static std::string daemon_name(const ServiceConfig& config) {
    if (!config.program) return config.name;
    const std::string& name = config.program->argv.front();
    return name.substr(name.find_last_of('/') + 1);
}

void Screening::look_up(Visit visit) {
    proceed(std::make_shared<Pending>(Pending{std::move(visit)}));
}

// Each time from the beginning: a reload may have changed what is asked for.
void Screening::proceed(const std::shared_ptr<Pending>& pending) {
    Visit& visit = pending->visit;
    Client& client = visit.client;
    Service* service = visit.service();
    if (service == nullptr) return;
    Finding finding;
    if (service->screened) finding = judge(*service, client.peer, client.fd.get(), pending->known);
    if (finding.refusal) {
        admission_.refuse(*service, client.peer, *finding.refusal, client.fd.get());
        return visit.refused(*service, std::move(client));
    }
    if (!finding.missing) return visit.admitted(*service, std::move(client));
    Inquiry inquiry{.kind = *finding.missing, .client = client.peer};
    if (inquiry.kind == Inquiry::Kind::wrappers) {
        inquiry.local =
            client.local.family() != AF_UNSPEC ? client.local : own_address(client.fd.get());
        inquiry.daemon = daemon_name(*service->config);
    }
    resolver_.ask(inquiry, [this, pending, kind = inquiry.kind](const InquiryReply& reply) {
        if (kind == Inquiry::Kind::names)
            pending->known.names = reply.names;
        else
            pending->known.wrappers = reply;
        proceed(pending);
    });
}

} // namespace inetd
