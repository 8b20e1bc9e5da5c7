#pragma once

#include "event/loop.h"
#include "event/signals.h"
#include "server/acceptor.h"
#include "server/documents.h"
#include "server/inheritance.h"
#include "server/launcher.h"
#include "server/logging.h"
#include "server/operator.h"
#include "server/options.h"
#include "server/parser_client.h"
#include "server/privileges.h"
#include "server/roster.h"
#include "server/shutdown.h"
#include "server/socket_keeper.h"
#include "server/state_dump.h"
#include "server/supervisor.h"
#include "server/upgrade.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace inetd {

// The daemon: owns everything and wires it. Its life is start(), run(), and the end that a signal
// begins: HUP reloads, USR1 tells the state, USR2 changes the binary, TERM and INT stop, QUIT
// leaves the children alone.
class Server {
  public:
    // Every signal is blocked and every service environment taken from here on. Where it fails or
    // throws, `inheritance` is as it was.
    static Result<std::unique_ptr<Server>> create(const Options& options,
                                                  Inheritance&& inheritance);

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    // Before start(): this binary takes the place of another in the same process. The descriptors
    // of the hand-over are ours from start() on.
    // `may_go_back`: the one before can go on if start() fails, which it does on any error then.
    void succeed(Handover handover, bool may_go_back);
    // Goes along with a change of binary.
    void set_pid_file(int fd) { pid_file_ = fd; }

    // Loads the configuration and opens what it says. Diagnostics are logged. Error: nothing could
    // be done with it, or there were errors and --strict is set.
    Result<void> start();
    // In the background: from now on messages go where the settings say, as they do in the
    // foreground after start().
    void open_log();
    // After both: keeps no rights but those that the configuration needs.
    Result<void> limit_privileges();
    // Tells the supervisor that all is bound, and serves until stopped.
    void run();

  private:
    Server(Options options, std::unique_ptr<Spawner> spawner);
    Operator::Hooks make_hooks();

    void on_signal(int signal);
    void take_up(const DaemonSettings& settings, const Plan& plan,
                 const std::vector<ServiceConfigPtr>& services);
    ReloadResult reload();
    // What lacks a capability that was given up is for this binary executed anew to take up.
    void apply(const Loaded& loaded, CapabilitySet missing, ReloadResult& result);
    void note_reload(bool applied, const std::string& text);
    void begin_upgrade();
    [[nodiscard]] About about() const;
    void stop();
    void leave();
    void take_descriptors();
    [[nodiscard]] Handover hand_over_all() const;
    void hold_reserve();
    [[nodiscard]] std::string status() const;

    static constexpr std::size_t kRecentBytes = 32768; // of the log

    Options options_;
    std::optional<Handover> predecessor_;
    bool may_go_back_ = false;
    int pid_file_ = -1;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> descriptor_limit_; // of children
    DaemonSettings settings_;
    EventLoop loop_;
    log::Recent recent_{kRecentBytes};
    Feed feed_;
    Logging logging_;
    Diagnostics diagnostics_; // of the start, for the log that is not open yet
    Signals signals_;
    ParserClient parser_{loop_};
    Launcher launcher_;
    Supervisor supervisor_;
    Upgrade upgrade_;
    Privileges privileges_;
    SocketKeeper keeper_;
    Acceptor acceptor_;
    Roster roster_;
    Shutdown shutdown_;
    StateDump state_dump_;
    Operator operator_;
    Documents documents_;
    TimePoint started_ = Clock::now();
    unsigned generation_ = 0;
    std::optional<About::Reload> last_reload_;
    std::string pending_reload_; // what is to be said of it by whom we execute for it
    ReloadCounts reloads_;
    Fd reserve_; // given up while a reload reads files, so that it works with all others in use
    std::size_t busy_ = 0; // instances, when it was last looked
    bool leaving_ = false; // for another daemon that comes at once
};

} // namespace inetd
