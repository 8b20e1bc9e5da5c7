#include "ctl/trial.h"

#include "base/fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <vector>

namespace inetd::ctl {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// How long a datagram service may be silent after its first answer.
static constexpr milliseconds kQuiet{500};

namespace {
class Attempt {
  public:
    Attempt(const Way& way, const TrialPlan& plan) : way_(way), plan_(plan) {}
    Trial run();

  private:
    [[nodiscard]] double since() const {
        return std::chrono::duration<double>(SteadyClock::now() - begun_).count();
    }
    [[nodiscard]] milliseconds left() const;
    [[nodiscard]] bool connect();
    // Always false.
    [[nodiscard]] bool over(Trial::End end, int error);
    [[nodiscard]] bool over_time();
    void send_probe();
    void take_input();
    void learn_own();
    void begin_sending();
    [[nodiscard]] bool wait_for_room();
    [[nodiscard]] bool send_some();
    [[nodiscard]] bool receive_some();
    [[nodiscard]] bool turn();

    const Way& way_;
    const TrialPlan& plan_;
    SteadyClock::time_point begun_ = SteadyClock::now();
    SteadyClock::time_point sent_ = begun_;
    std::optional<SteadyClock::time_point> answered_;
    Fd fd_;
    Fd gauge_; // can be written to when there is room for `pending_`, where fd_ does not tell
    std::string pending_;
    std::size_t uncounted_ = 0; // bytes of `pending_` that are none of the caller's
    bool reading_input_ = false;
    bool had_input_ = false;
    bool shut_ = false;
    Trial trial_;
};
} // namespace

milliseconds Attempt::left() const {
    auto until = begun_ + plan_.limit;
    const bool all_sent = pending_.empty() && !reading_input_;
    if (!way_.has_connections() && (answered_ || (plan_.silent && all_sent)))
        until = std::min(until, answered_.value_or(sent_) + kQuiet);
    const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
    return std::max(left, milliseconds::zero());
}

bool Attempt::over(Trial::End end, int error) {
    trial_.end = end;
    trial_.error = error;
    return false;
}

bool Attempt::over_time() {
    if (way_.has_connections()) return over(Trial::End::timed_out, 0);
    if (gauge_) return over(Trial::End::unreachable, ETIMEDOUT);
    return over(answered_ || plan_.silent ? Trial::End::quiet : Trial::End::timed_out, 0);
}

// A service of datagrams may answer from another address (RFC 1350, section 4), which a connected
// socket would not take. What ICMP says comes with IP_RECVERR all the same, ip(7).
static void prepare_datagrams(int fd, int family) {
    const int on = 1;
    if (family == AF_INET) setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    // Without a name of our own nobody can answer us: the kernel gives one, unix(7).
    const sockaddr unnamed{.sa_family = AF_UNIX, .sa_data = {}};
    if (family == AF_UNIX) static_cast<void>(bind(fd, &unnamed, sizeof unnamed.sa_family));
}

bool Attempt::connect() {
    const int family = way_.address.family();
    fd_.reset(socket(family, way_.type | SOCK_CLOEXEC, way_.protocol));
    if (!fd_) return over(Trial::End::unreachable, errno);
    if (way_.has_connections()) {
        // It bounds connect(2): EINPROGRESS, or EAGAIN of a unix socket, is the time-out then.
        const auto limit = std::max(left(), milliseconds(1)).count();
        const timeval patience{.tv_sec = limit / 1000, .tv_usec = limit % 1000 * 1000};
        setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (::connect(fd_.get(), way_.address.data(), way_.address.size()) != 0)
            return over(Trial::End::unreachable,
                        errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno);
        trial_.connected = since();
    } else {
        prepare_datagrams(fd_.get(), family);
    }
    fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
    learn_own();
    return true;
}

// A socket that is not connected has a port from its first datagram on, but no address.
void Attempt::learn_own() {
    const auto own = SocketAddress::bound_to(fd_.get());
    if (!own) return;
    trial_.own =
        own->is_wildcard() ? ":" + std::to_string(own->port()) : own->unmapped().to_string();
}

void Attempt::begin_sending() {
    pending_ = plan_.prefix;
    uncounted_ = pending_.size();
    pending_ += plan_.text;
    had_input_ = !plan_.text.empty();
    reading_input_ = plan_.input >= 0;
    if (!had_input_ && !reading_input_) send_probe();
}

void Attempt::send_probe() {
    pending_ += plan_.probe;
    trial_.probed = true;
}

void Attempt::take_input() {
    std::array<char, std::size_t{16} * 1024> buffer;
    const ssize_t got = read(plan_.input, buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) {
        had_input_ = true;
        pending_.append(buffer.data(), static_cast<std::size_t>(got));
        return;
    }
    reading_input_ = false;
    if (!had_input_) send_probe();
}

// A datagram socket of the unix domain can always be written to unless it is connected: only then
// the queue at the other end counts. And a connected one hears nobody but its peer.
bool Attempt::wait_for_room() {
    if (way_.has_connections() || way_.address.family() != AF_UNIX || gauge_) return true;
    gauge_.reset(socket(AF_UNIX, way_.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!gauge_ || ::connect(gauge_.get(), way_.address.data(), way_.address.size()) != 0)
        return over(Trial::End::unreachable, errno);
    return true;
}

bool Attempt::send_some() {
    while (!pending_.empty()) {
        const bool to = !way_.has_connections();
        const ssize_t sent =
            sendto(fd_.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL,
                   to ? way_.address.data() : nullptr, to ? way_.address.size() : 0);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return wait_for_room();
        if (sent < 0 && to) return over(Trial::End::unreachable, errno);
        // The service takes no more; what it has said is still to be read.
        if (sent < 0) {
            pending_.clear();
            reading_input_ = false;
            shut_ = true;
            return true;
        }
        if (to) learn_own();
        sent_ = SteadyClock::now();
        const auto size = static_cast<std::size_t>(sent);
        const std::size_t ours = std::min(size, uncounted_);
        uncounted_ -= ours;
        trial_.sent += size - ours;
        pending_.erase(0, size);
        gauge_.reset();
    }
    if (!reading_input_ && !shut_ && (had_input_ || plan_.ends) && way_.has_connections()) {
        shutdown(fd_.get(), SHUT_WR);
        shut_ = true;
    }
    return true;
}

bool Attempt::receive_some() {
    std::array<char, std::size_t{64} * 1024> buffer;
    AddressRoom sender;
    const std::size_t room =
        plan_.most == 0 ? buffer.size()
                        : std::min<std::size_t>(buffer.size(), plan_.most - trial_.received);
    const ssize_t got =
        recvfrom(fd_.get(), buffer.data(), room, MSG_DONTWAIT, sender.data(), &sender.size);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got < 0 && !way_.has_connections()) return over(Trial::End::unreachable, errno);
    if (got < 0) return over(Trial::End::reset, errno);
    if (got == 0 && way_.has_connections()) return over(Trial::End::closed, 0);
    if (!trial_.first) trial_.first = since();
    answered_ = SteadyClock::now();
    trial_.received += static_cast<std::uint64_t>(got);
    if (!way_.has_connections() && sender.size != 0) {
        const SocketAddress from = sender.address();
        if (from.is_ip() && !(from.unmapped().to_string() == way_.address.unmapped().to_string()))
            trial_.peer = from.unmapped().to_string();
    }
    plan_.show({buffer.data(), static_cast<std::size_t>(got)});
    if (plan_.most != 0 && trial_.received >= plan_.most) return over(Trial::End::enough, 0);
    return true;
}

// False: it is over.
bool Attempt::turn() {
    std::array<pollfd, 3> fds{};
    fds[0] = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (!pending_.empty() && !gauge_) fds[0].events |= POLLOUT;
    // Nothing is read ahead of what the service takes.
    fds[1] = {.fd = reading_input_ && pending_.empty() ? plan_.input : -1,
              .events = POLLIN,
              .revents = 0};
    fds[2] = {.fd = gauge_.get(), .events = POLLOUT, .revents = 0};
    const milliseconds left = this->left();
    if (left == milliseconds::zero()) return over_time();
    const int ready = poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return over(Trial::End::reset, errno);
    if (ready <= 0) return true;
    if (fds[0].revents != 0 && (fds[0].revents & ~POLLOUT) != 0 && !receive_some()) return false;
    if (fds[1].revents != 0) take_input();
    return send_some();
}

Trial Attempt::run() {
    trial_.unsent = plan_.text;
    if (connect()) {
        if (plan_.connected && trial_.connected) plan_.connected(way_.address, *trial_.connected);
        begin_sending();
        for (bool going_on = send_some(); going_on;)
            going_on = turn();
        trial_.unsent = trial_.probed ? "" : pending_.substr(uncounted_);
    }
    trial_.lasted = since();
    return std::move(trial_);
}

Trial attempt(const Way& way, const TrialPlan& plan) {
    return Attempt(way, plan).run();
}

} // namespace inetd::ctl
