#pragma once

#include "base/address.h"
#include "event/loop.h"
#include "log/recent.h"
#include "server/service.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

namespace control {
class Responder;
}

// Tells those who watch what happens. Costs a branch where nobody does; whoever is slow loses
// events and is told how many.
class Feed {
  public:
    Feed();
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;
    ~Feed();

    [[nodiscard]] bool watched() const { return watched_; }
    // `peer` has no family where it is not known; `pid` is 0 for a session of a built-in.
    void started(const ServiceConfig& service, const SocketAddress& peer, pid_t pid) {
        if (watched()) tell_start(service, peer, pid);
    }
    // "exit 0", or what ended a session.
    void ended(const ServiceConfig& service, const SocketAddress& peer, pid_t pid,
               std::string_view how, Duration lasted) {
        if (watched()) tell_end(service, peer, pid, how, lasted);
    }
    // By the key of the limit or rule.
    void refused(const ServiceConfig& service, const SocketAddress& peer, const char* key) {
        if (watched()) tell_refusal(service, peer, key);
    }
    // A service may be in another state by now: told when the round ends, if it is.
    void changed(Service& service) {
        if (watched()) changed_.push_back(&service);
    }
    void reloaded(const std::string& text);

    // At the end of a round of the loop.
    void flush();
    // Before services are replaced.
    void forget_services() { changed_.clear(); }

    // Until the caller goes. `service`: events of the one of this name, or of all. False: there are
    // too many already.
    [[nodiscard]] bool watch(const control::Responder& responder,
                             std::optional<std::string> service);

    // The same for lines of the log.
    [[nodiscard]] bool follow(const control::Responder& responder,
                              std::optional<std::string> service);
    void line(const log::Recent::Line& line);

  private:
    struct Watcher;

    void tell_start(const ServiceConfig& service, const SocketAddress& peer, pid_t pid);
    void tell_end(const ServiceConfig& service, const SocketAddress& peer, pid_t pid,
                  std::string_view how, Duration lasted);
    void tell_refusal(const ServiceConfig& service, const SocketAddress& peer, const char* key);

    bool watched_ = false;
    std::vector<Watcher> watchers_;
    std::vector<Watcher> followers_; // of the log
    std::vector<Service*> changed_;
};

} // namespace inetd
