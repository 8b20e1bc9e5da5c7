#include "clients.h"

#include <cerrno>
#include <sys/socket.h>
#include <sys/time.h>

namespace models {

static timeval patience{};

static void bound(int socket) {
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void bound_waiting(int seconds) {
    patience = {.tv_sec = seconds, .tv_usec = 0};
    bound(kListener);
}

int patience_ms() {
    return static_cast<int>(patience.tv_sec * 1000);
}

int next_client() {
    for (;;) {
        const int client = accept4(kListener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) {
            // It inherits the time-outs of the listening socket, but not if it came before these
            // were set, as the one does for whom inetd started us.
            bound(client);
            return client;
        }
        // accept(2): what befell a connection before it was accepted is reported like this.
        switch (errno) {
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
            continue;
        default:
            return -1;
        }
    }
}

int Pool::next_client() {
    while (!over_) {
        const unsigned long before = clients_;
        const int client = models::next_client();
        if (client >= 0) {
            ++clients_;
            return client;
        }
        if (clients_ == before) over_ = true;
    }
    return -1;
}

} // namespace models
