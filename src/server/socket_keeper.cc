#include "server/socket_keeper.h"

#include "builtin/datagrams.h"
#include "log/log.h"
#include "net/socket.h"
#include "process/pidfd.h"
#include "server/store_names.h"

#include <cerrno>
#include <fmt/core.h>
#include <sys/socket.h>

namespace inetd {

void SocketKeeper::inherit(Inheritance&& inheritance) {
    for (std::string& name : inheritance.sockets.names(Holder::store))
        kept_.insert(std::move(name));
    for (const auto& [key, borrower] : inheritance.servers)
        kept_.insert(server_name(key));
    inheritance_ = std::move(inheritance);
}

// systemd 252 moves what it hands over to 3 and on, in a child that has the limit already, one
// after the other and each at first to any free place behind its own. Where more than half is taken
// there may be none, and the start fails (EMFILE) before there is a daemon. A few are systemd's
// own.
std::size_t SocketKeeper::most_kept() const {
    const std::size_t others = inheritance_.sockets.count_of_units() + 32;
    return descriptor_limit_ / 2 > others ? descriptor_limit_ / 2 - others : 0;
}

bool SocketKeeper::keep(const std::string& name, int fd, bool polled) {
    if (!supervisor_.present()) return false;
    if (kept_.size() >= most_kept() && !kept_.contains(name)) {
        if (!said_full_)
            log::notice("only {} sockets are kept over a restart; for more LimitNOFILE= must be "
                        "higher",
                        most_kept());
        said_full_ = true;
        return false;
    }
    kept_.insert(name);
    supervisor_.store(name, fd, polled);
    return true;
}

void SocketKeeper::drop(const std::string& name) {
    if (kept_.erase(name) != 0) supervisor_.unstore(name);
}

bool splits(const ServiceConfig& config, const ListenSpec& spec) {
    return spec.type == SOCK_DGRAM && spec.address.is_ip() && !config.wait &&
           config.builtin == Builtin::none;
}

// What the way in which a socket is served asks of the socket before it is bound.
static Result<void> suit(int fd, const ServiceConfig& config, const ListenSpec& spec) {
    const bool answered_here = config.builtin != Builtin::none && spec.type == SOCK_DGRAM;
    if (!splits(config, spec) && !(answered_here && spec.address.is_ip())) return {};
    return prepare_datagrams(fd, spec.address.family());
}

std::vector<ServiceConfigPtr>
SocketKeeper::with_handed_in(std::vector<ServiceConfigPtr> services) const {
    return inheritance_.sockets.with_their_addresses(std::move(services));
}

void SocketKeeper::sort_out(const std::vector<ServiceConfigPtr>& wanted) {
    for (const std::string& problem : inheritance_.problems)
        log::warning("{}", problem);
    inheritance_.problems.clear();
    std::erase_if(inheritance_.servers, [this](const auto& item) {
        if (item.second.child != 0 || process_of(item.second.pidfd.get())) return false;
        drop(server_name(item.first));
        return true;
    });
    for (const Holder ours : {Holder::store, Holder::nobody}) {
        for (const InheritedSocket& socket : inheritance_.sockets.take_unwanted(wanted, ours)) {
            log::notice("{}: closed, as no line listens there any more", socket.text());
            const SocketAddress& address = socket.spec.address;
            // A server that still runs goes on with it.
            if (!inheritance_.servers.contains(socket_key(socket.spec)))
                shutdown(socket.fd.get(), SHUT_RDWR);
            remove_file(address, identify_file(address));
            drop(socket.name);
            forget_server(socket.spec);
        }
    }
    for (const InheritedSocket* socket : inheritance_.sockets.unwanted(wanted))
        log::warning("{}, named \"{}\", is handed in by a socket unit, but no line has its address "
                     "or its name: nobody answers there",
                     socket->text(), socket->name);
}

Result<Listener> SocketKeeper::take_over(const ServiceConfig& config, const ListenSpec& spec) {
    auto socket = inheritance_.sockets.take(spec);
    if (!socket) return Listener();
    const std::string file = spec.address.unix_file();
    if (socket->holder != Holder::unit && !file.empty() &&
        identify_file(spec.address) == SocketFile()) {
        // Whoever removed the file of a socket has left it without a name to connect to.
        drop(socket_name(spec));
        return Listener();
    }
    const bool lent = inheritance_.servers.contains(socket_key(spec));
    auto listener = Listener::adopt(
        *socket, spec, config.terms->socket, [&](int fd) { return suit(fd, config, spec); }, lent);
    if (!listener && listener.error().code == ENODEV && socket->holder != Holder::unit) {
        // Rather nobody is served than those who come by other interfaces than the one that is
        // gone.
        if (!lent) shutdown(socket->fd.get(), SHUT_RDWR);
        drop(socket->name);
    } else if (!listener) {
        inheritance_.sockets.give_back(std::move(*socket));
    } else if (socket->holder == Holder::store && socket->name != socket_name(spec)) {
        // From a daemon that has other names for sockets.
        drop(socket->name);
        listener->set_holder(Holder::nobody);
    }
    if (!listener || lent) return listener;
    return if_useful(*std::move(listener), config, spec);
}

Result<Listener> SocketKeeper::if_useful(Listener listener, const ServiceConfig& config,
                                         const ListenSpec& spec) {
    const auto repair = listener.repair(spec, config.terms->socket);
    if (repair.undone) return listener;
    const bool of_unit = listener.holder() == Holder::unit;
    close(std::move(listener), spec, false, Parting::unwanted);
    if (!of_unit) return Listener();
    return Error{fmt::format("the socket unit's {} {}; the unit must be restarted",
                             spec.address.to_string(), repair.text()),
                 0};
}

Result<Listener> SocketKeeper::open(const ServiceConfig& config, const ListenSpec& spec) {
    auto listener = take_over(config, spec);
    if (listener && !*listener) {
        listener = Listener::open(spec, config.terms->socket,
                                  [&](int fd) { return suit(fd, config, spec); });
        // Whatever a server of before has, it is not this.
        if (listener && inheritance_.servers.erase(socket_key(spec)) != 0) forget_server(spec);
    }
    if (!listener) return listener;
    if (splits(config, spec)) {
        // Only once it is bound, or else another daemon of our user would be let in silently.
        if (const auto shared = share_port(listener->fd()); !shared) return shared.error();
    }
    // Never polled: a datagram socket shows an error that some client's host has sent.
    if (listener->holder() == Holder::nobody && keep(socket_name(spec), listener->fd(), false))
        listener->set_holder(Holder::store);
    return listener;
}

Result<void> SocketKeeper::refit(const Listener& listener, const ServiceConfig& config,
                                 const ListenSpec& spec, const SocketOptions& before) {
    auto done = suit(listener.fd(), config, spec);
    // An interface that has gone and come again is another one of that name.
    if (done && (!(before == config.terms->socket) || !config.terms->socket.device.empty()))
        done = listener.apply(spec, config.terms->socket);
    if (done && splits(config, spec)) done = share_port(listener.fd());
    return done;
}

void SocketKeeper::close(Listener listener, const ListenSpec& spec, bool lent, Parting why) {
    switch (listener.holder()) {
    case Holder::unit:
        if (why != Parting::unwanted) return;
        if (auto socket = examine_socket(listener.release(), {}, Holder::unit, spec.address))
            inheritance_.sockets.give_back(std::move(*socket));
        return;
    case Holder::store:
        if (why == Parting::restart) {
            static_cast<void>(listener.release());
            return;
        }
        drop(socket_name(spec));
        break;
    case Holder::nobody:
        break;
    }
    // The copies that others have must not keep clients waiting for nobody.
    if (!lent) listener.shut_down();
}

std::optional<Borrower> SocketKeeper::take_server(const ListenSpec& spec) {
    auto node = inheritance_.servers.extract(socket_key(spec));
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
}

void SocketKeeper::note_server(const ListenSpec& spec, int pidfd) {
    keep(server_name(socket_key(spec)), pidfd, true);
}

void SocketKeeper::forget_server(const ListenSpec& spec) {
    drop(server_name(socket_key(spec)));
}

} // namespace inetd
