#include "server/inheritance.h"

#include "server/store_names.h"
#include "systemd/listen_fds.h"

namespace inetd {

Inheritance inherit() {
    Inheritance inheritance;
    ListenFds handed = take_listen_fds();
    inheritance.problems = std::move(handed.problems);
    for (NamedFd& item : handed.fds) {
        if (auto key = key_of_server(item.name)) {
            inheritance.servers.insert_or_assign(std::move(*key), Borrower{std::move(item.fd)});
            continue;
        }
        const Holder holder = is_socket_name(item.name) ? Holder::store : Holder::unit;
        const auto added =
            inheritance.sockets.add(std::move(item.fd), std::move(item.name), holder);
        if (!added) inheritance.problems.push_back("handed in: " + added.error().text());
    }
    return inheritance;
}

} // namespace inetd
