// The daytime service (RFC 867), with a line about each client in the system's log. A server's
// standard error is the client, so a message to the administrator goes to syslog.
//
// inetd.conf: 10013 stream tcp nowait nobody /usr/libexec/inetd/daytime daytime
// try: nc localhost 10013

#include <cstdlib>
#include <ctime>
#include <netdb.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

int main() {
    openlog("daytime", LOG_PID, LOG_DAEMON);

    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* peer = reinterpret_cast<sockaddr*>(&address);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (getpeername(0, peer, &size) != 0 ||
        getnameinfo(peer, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        syslog(LOG_ERR, "standard input is not a connection");
        return EXIT_FAILURE;
    }
    syslog(LOG_INFO, "asked by %s port %s", host, port);

    const std::time_t now = std::time(nullptr);
    char text[64];
    const std::size_t length =
        std::strftime(text, sizeof text, "%A, %e %B %Y %H:%M:%S %Z\r\n", std::localtime(&now));
    return write(1, text, length) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
