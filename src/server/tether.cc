#include "server/tether.h"

#include "log/log.h"
#include "process/children.h"

#include <csignal>
#include <fmt/format.h>
#include <system_error>

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kKillTimeout = 5s; // between TERM and KILL

std::unique_ptr<Tether> Tether::tie(EventLoop& loop, pid_t pid, ServiceConfigPtr config,
                                    const SocketAddress& peer, TimePoint started, int connection) {
    const auto limit = config->wait ? 0ms : config->session_timeout;
    const bool watched = config->kill_on_disconnect && !config->wait &&
                         config->type() != SOCK_DGRAM && connection >= 0;
    if (limit == 0ms && !watched) return nullptr;
    std::unique_ptr<Tether> tether(new Tether(loop, pid, std::move(config), peer));
    if (limit != 0ms) {
        const double seconds = std::chrono::duration<double>(limit).count();
        tether->timer_ = loop.after(started + limit - Clock::now(), [raw = tether.get(), seconds] {
            raw->end(fmt::format("has run for its session_timeout of {:g} s", seconds));
        });
    }
    if (watched) tether->watch(connection);
    return tether;
}

// A copy of ours would keep the connection open after the child has closed it, so there is none.
// EPOLLHUP is the end of both directions: a reset, a time-out, or that each side has closed. A
// client that has only closed its sending half shows as EPOLLRDHUP, which is not asked for; and
// EPOLLERR alone may be something in the error queue. Data wakes nobody, as EPOLLIN and EPOLLOUT
// are not asked for either.
void Tether::watch(int connection) {
    try {
        watch_ = loop_.watch_file(connection, EPOLLET, [this](std::uint32_t events) {
            if ((events & EPOLLHUP) == 0) return;
            watch_.reset();
            end("has lost its client (kill_on_disconnect)");
        });
    } catch (const std::system_error& error) {
        log::warning({.service = config_->name, .peer = &peer_, .pid = pid_},
                     "{}: pid {}: kill_on_disconnect: {}", config_->name, pid_,
                     error.code().message());
    }
}

void Tether::end(const std::string& why) {
    watch_.reset();
    log::notice({.service = config_->name, .peer = &peer_, .pid = pid_},
                "{}: {}: pid {} {}: sending SIGTERM", config_->name, peer_.unmapped().to_string(),
                pid_, why);
    signal_child(pid_, SIGTERM);
    timer_ = loop_.after(kKillTimeout, [this] {
        log::notice({.service = config_->name, .peer = &peer_, .pid = pid_},
                    "{}: pid {} goes on: sending SIGKILL", config_->name, pid_);
        signal_child(pid_, SIGKILL);
    });
}

} // namespace inetd
