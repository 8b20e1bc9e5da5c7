// An echo on a unix-domain socket that first says whom the kernel sees at the other end: no
// password, and nothing that the client could forge. A client that is silent for a minute is left.
//
// inetd.conf: /run/echo.sock stream unix nowait nobody /usr/libexec/inetd/unix-echo unix-echo
// try: printf 'hello\n' | nc -N -U /run/echo.sock

#include <cstdio>
#include <cstdlib>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const auto patience = static_cast<unsigned>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 60);
    alarm(patience);

    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(0, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return EXIT_FAILURE;
    const passwd* user = getpwuid(peer.uid);
    dprintf(1, "You are %s (uid %u, pid %d).\n", user ? user->pw_name : "unknown", peer.uid,
            peer.pid);

    char data[65536];
    ssize_t got;
    while ((got = read(0, data, sizeof data)) > 0) {
        if (write(1, data, static_cast<std::size_t>(got)) != got) return EXIT_FAILURE;
        alarm(patience);
    }
}
