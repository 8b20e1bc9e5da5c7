// The process models side by side: one service, and eight ways to serve many clients of it. A
// client sends a line with a number, at most 16384, and gets so many bytes. Started by inetd when
// the first client comes, with the listening socket; ends when nobody has come for SECONDS (10).
// A client that says nothing for so long is left.
//
// inetd.conf: 10021 stream tcp wait nobody /usr/src/inetd/build/services/models/model model
// prethread try: printf '4000\n' | nc localhost 10021 | wc -c

#include "clients.h"
#include "models.h"

#include <cstdlib>
#include <string_view>
#include <syslog.h>

int main(int argc, char** argv) {
    static constexpr struct {
        std::string_view name;
        void (*serve)();
    } kModels[] = {
        {"iterative", models::serve_one_by_one},   {"fork", models::fork_for_each},
        {"prefork", models::prefork_accepting},    {"prefork-lock", models::prefork_locking},
        {"prefork-pass", models::prefork_passing}, {"thread", models::thread_for_each},
        {"prethread", models::prethread},          {"epoll", models::loop},
    };
    const std::string_view name = argc > 1 ? argv[1] : "";
    const int seconds = argc > 2 ? static_cast<int>(std::strtol(argv[2], nullptr, 10)) : 10;
    for (const auto& model : kModels) {
        if (model.name != name || seconds <= 0) continue;
        models::bound_waiting(seconds);
        model.serve();
        return EXIT_SUCCESS;
    }
    // Standard error is the listening socket.
    openlog("model", LOG_PID, LOG_DAEMON);
    syslog(LOG_ERR, "usage: model NAME [SECONDS]; there is no model '%.40s'", name.data());
    return 2;
}
