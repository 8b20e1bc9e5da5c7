#include "server/inheritance.h"

#include "server/store_names.h"
#include "systemd/listen_fds.h"

#include <fcntl.h>

namespace inetd {

// Where there are many the lowest numbers are left to the spawner (expect_large_table).
static void move_lowest(std::vector<NamedFd>& items) {
    constexpr std::size_t kMany = 80;
    constexpr int kLow = 64;
    if (items.size() <= kMany) return;
    const int above = static_cast<int>(items.size()) + kLow;
    for (NamedFd& item : items)
        if (item.fd.get() < kLow)
            if (Fd moved(fcntl(item.fd.get(), F_DUPFD_CLOEXEC, above)); moved)
                item.fd = std::move(moved);
}

Inheritance inherit() {
    Inheritance inheritance;
    ListenFds handed = take_listen_fds();
    inheritance.problems = std::move(handed.problems);
    move_lowest(handed.fds);
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
