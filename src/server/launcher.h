#pragma once

#include "event/loop.h"
#include "process/children.h"
#include "process/spawn.h"
#include "server/client_log.h"
#include "server/error_outputs.h"
#include "server/feed.h"
#include "server/hang_ups.h"
#include "server/service.h"
#include "server/tether.h"

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace inetd {

// Starts the servers and sees them end. Every child of the daemon goes through launch().
class Launcher {
  public:
    Launcher(EventLoop& loop, std::unique_ptr<Spawner> spawner, Feed& feed, AskParser ask);
    [[nodiscard]] ClientLog& client_log() { return client_log_; }

    struct Order {
        Service& service;
        const std::shared_ptr<Gate>& gate; // the service's: counts what becomes of the start
        int socket;                        // the caller closes or keeps its own copy
        SocketAddress peer;                // no family for a wait service
        SocketAddress local;
        std::shared_ptr<void> lease; // dropped when the child has ended
        TimePoint since;             // when it was known that there is something to do
        // Called after its end was logged.
        std::function<void(const ChildEnd&, Duration lasted)> at_end{};
        // For a daemon after us: the socket that the child was lent or that its peer's datagrams
        // come to, and our copy of the child's own.
        std::weak_ptr<Endpoint> endpoint{};
        int own_socket = -1;
    };
    struct Child {
        ServiceConfigPtr config; // as it was when the child was born
        SocketAddress peer;
        SocketAddress local;
        std::shared_ptr<void> lease;
        std::function<void(const ChildEnd&, Duration lasted)> at_end;
        std::weak_ptr<Endpoint> endpoint;
        int own_socket = -1;
        TimePoint started{};
        std::weak_ptr<ErrorLines> lines{};
        std::unique_ptr<Tether> tether{};
        Fd connection{}; // a copy of the child's, where its TRAFFIC is logged
        ClientLog::User user{};
        std::shared_ptr<Gate> gate{}; // as in the order; null: nobody counts it
        bool adopted = false;         // `config` need not be what it was born with
    };
    // The pid, or 0 after it has logged why not.
    pid_t launch(Order order);

    // Goes on with a child that is ours already.
    void adopt(pid_t pid, Child child, const Tether::State& tether = {});
    [[nodiscard]] const ChildTable<Child>& children() const { return children_; }

    // Sees to all children that have ended.
    void reap();
    // For a daemon after us, which goes on with the spawner's pipe.
    void put_reports_back() { spawner_->put_back(std::exchange(reports_, {})); }
    // For the ends of processes that launch() has not started.
    void on_other_end(std::function<void(const ChildEnd&)> handler) {
        on_other_end_ = std::move(handler);
    }
    [[nodiscard]] std::size_t running() const { return children_.size(); }
    [[nodiscard]] bool has(pid_t pid) const { return children_.has(pid); }
    // Null if it is none of ours.
    [[nodiscard]] const Child* child(pid_t pid) const { return children_.find(pid); }
    void signal_all(int signal) const;
    // Before the sockets of these services are opened: makes ready for their servers. How many
    // descriptors the daemon has decides how a child gets its socket.
    void expect(const std::vector<ServiceConfigPtr>& services);
    // Sees to it that all starts are counted that have come as far as their exec.
    void count_starts() const { spawner_->note_execs(); }
    [[nodiscard]] GroupTree& groups() { return groups_; }
    [[nodiscard]] Spawner& spawner() { return *spawner_; }
    [[nodiscard]] const Spawner& spawner() const { return *spawner_; }
    [[nodiscard]] HangUps& hang_ups() { return hang_ups_; }
    [[nodiscard]] const HangUps& hang_ups() const { return hang_ups_; }
    [[nodiscard]] ErrorOutputs& errors() { return errors_; }
    [[nodiscard]] const ErrorOutputs& errors() const { return errors_; }

  private:
    void ended(const ChildEnd& end);
    [[nodiscard]] std::optional<SpawnReport> take_report(pid_t pid);

    EventLoop& loop_;
    Feed& feed_;
    std::unique_ptr<Spawner> spawner_;
    GroupTree groups_;
    ErrorOutputs errors_;
    HangUps hang_ups_; // before the children, who have Tethers
    ClientLog client_log_;
    ChildTable<Child> children_;
    std::vector<SpawnReport> reports_; // of children whose end has not been seen yet
    std::size_t listeners_ = 0;
    std::function<void(const ChildEnd&)> on_other_end_;
};

} // namespace inetd
