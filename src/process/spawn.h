#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"
#include "process/exec_times.h"
#include "process/spawn_stage.h"
#include "process/vdso_clock.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace inetd {

struct Sandbox;

// All that a child needs, looked up before it exists.
struct SpawnRequest {
    const Program* program = nullptr;
    int socket = -1; // becomes 0, 1 and 2; the caller may close it at once
    int errors = -1; // becomes 2 in its place; -1: none. As the socket
    // Not empty: the socket becomes 3 instead, with this as its name, and the variables of
    // sd_listen_fds(3) tell so. 0 and 1 are /dev/null then, and 2 is `errors` or the daemon's own.
    std::string_view listen_name;
    const Account* account = nullptr;           // null: keep the daemon's own
    const Surroundings* surroundings = nullptr; // the same; their variables are not looked at
    std::shared_ptr<const Sandbox> sandbox;     // null: nothing of it is asked for
    int control_group = -1;       // a directory of the cgroup file system to be born in; -1: ours
    std::string_view environment; // assignments that end in a NUL each; copied
    std::string_view peer_environment; // the same; after the others
    bool large_table = false; // the daemon has so many descriptors that copying them costs more
                              // than passing one
    // Held until the child has left our memory; what the pointers above point into.
    std::shared_ptr<const void> keep_alive;
    // For on_exec: whose start it is, and since when it is waited for. Null: nobody's.
    std::shared_ptr<void> whose;
    std::chrono::steady_clock::time_point since{};
};

// A child that could not become its program; it exits with 127. Written by one binary and perhaps
// read by the next: its layout stays, and numbers of stages are only added.
struct SpawnReport {
    pid_t pid = 0;
    SpawnStage stage = SpawnStage::exec;
    int code = 0;  // errno
    int item = -1; // the place in that list of the configuration that the stage goes through
};

enum class SpawnMethod : std::uint8_t {
    shared_memory, // clone3(2) with CLONE_VM, not waited for
    fork,
};

struct SpawnSlot;

// The one way in which this program starts another. The daemon's signals must all be blocked
// (event/signals.h), its directory be / and its umask 022: a child takes those over. Each child
// leads a process group of its own, and where may_have_terminal() a session of its own.
class Spawner {
  public:
    // Falls back to fork where the kernel or its filter refuses the other.
    static Result<std::unique_ptr<Spawner>> create(SpawnMethod method);
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;
    ~Spawner();

    // See join_groups().
    void join_groups_of(const Account& account);
    // Before the daemon opens many descriptors: keeps low ones for requests with `large_table`, so
    // that a start costs the same however many there are.
    void expect_large_table();

    // Error: what the kernel says of the clone. What goes wrong in the child comes by reports().
    Result<pid_t> spawn(const SpawnRequest& request);

    // Waits until the children on their way have become their programs, so that none holds a
    // descriptor of ours any more; no longer than a moment, for a program on a dead file server.
    void settle();

    // Closes what was meant for children that have died before they came to fetch it. Call when one
    // has ended that may have.
    void sweep();

    // Told how long it took from `since` until the child called exec, of those that have become
    // their programs: some time later, at the latest by note_execs(). Where children are forked,
    // one that takes longer than as many others as there are slots is left out.
    void on_exec(ExecTimes::Handler handler) { times_.on_exec(std::move(handler)); }
    void note_execs();

    // A child's report is there before its end is, so: reap first, then take the reports, then
    // judge. There may be some of children that have not ended yet, too.
    [[nodiscard]] std::vector<SpawnReport> reports();
    // For whoever goes on with the pipe; only a few.
    void put_back(const std::vector<SpawnReport>& reports) const;

    // The pipe of the reports: children that were cloned by a binary before this one write to
    // theirs.
    struct Pipe {
        int read = -1;
        int write = -1;
    };
    [[nodiscard]] Pipe pipe() const { return {reports_.get(), report_writer_.get()}; }
    // Takes both ends.
    void take_over(Pipe pipe);

    // The limit of descriptors that children get back, where the daemon has raised its own.
    void restore_descriptor_limit(std::uint64_t soft, std::uint64_t hard);
    [[nodiscard]] SpawnMethod method() const { return method_; }

  private:
    static constexpr std::size_t kSlots = 16;
    Spawner() = default;
    SpawnSlot* free_slot();
    SpawnSlot* take(SpawnSlot& slot);
    void prepare(SpawnSlot& slot, const SpawnRequest& request, bool may_pass);
    Result<pid_t> start(SpawnSlot& slot);

    SpawnMethod method_ = SpawnMethod::fork;
    bool own_sessions_ = true; // of the children
    Account own_;              // the daemon's identity, which children of the same need not take
    std::vector<std::unique_ptr<SpawnSlot>> slots_;
    std::size_t next_ = 0;
    Fd reports_;
    Fd report_writer_;
    ExecTimes times_{kSlots};
    VdsoClock clock_ = vdso_clock();
    std::uint64_t soft_limit_ = 0;
    std::uint64_t hard_limit_ = 0; // 0 = nothing to restore
};

} // namespace inetd
