#include "process/spawn.h"

#include "process/passage.h"
#include "process/privilege.h"
#include "process/sandbox.h"
#include "process/session.h"
#include "process/spawn_child.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// A child is cloned into the daemon's own memory (CLONE_VM) and the daemon does not wait for its
// exec, as vfork(2) would: that wait, and the copying of page tables that fork(2) does, are most of
// what a super-server itself adds to a connection. It has a price. Each child in flight needs a
// stack and data that stay untouched: a slot. A slot is free when the kernel has cleared its
// `running` word, which it does when the child leaves our memory by exec or exit
// (CLONE_CHILD_CLEARTID, clone(2)).
//
// A daemon with thousands of listeners has a descriptor table that is dear to copy, and the child
// would drop all of it. There the table is shared too, and the child's first act is to take a table
// of its own with only the lowest descriptors (CLOSE_RANGE_UNSHARE, close_range(2)). Its socket
// waits in the slot's passage, so the daemon may close its own copy at once. What the child copies
// reaches up to the number of that, which therefore has to be open before the many.

namespace inetd {

static constexpr std::size_t kStackSize = std::size_t{16} * 1024;

struct SpawnSlot {
    void* stack = nullptr;
    int running = 0;       // the kernel's to clear
    bool hangs = false;    // it was waited for in vain
    std::size_t place = 0; // among the slots
    ChildPlan plan{};
    std::vector<char*> argv;
    std::vector<char*> envp;
    std::string environment;
    std::shared_ptr<const void> keep_alive;
    std::shared_ptr<const Sandbox> sandbox;
    Passage passage;     // opened when needed
    bool fetched = true; // what was put into it

    [[nodiscard]] bool is_free() const { return __atomic_load_n(&running, __ATOMIC_ACQUIRE) == 0; }
    // Only of a free one.
    void sweep() {
        if (!fetched) passage.empty();
        fetched = true;
    }

    ~SpawnSlot() {
        if (stack != nullptr) munmap(stack, kStackSize);
    }
};

Result<std::unique_ptr<Spawner>> Spawner::create(SpawnMethod method) {
    std::unique_ptr<Spawner> spawner(new Spawner);
    spawner->method_ = method;
    spawner->own_ = own_identity();
    spawner->own_sessions_ = may_have_terminal();
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe for reports of children");
    spawner->reports_.reset(ends[0]);
    // A child may get its socket as 3, and must not lose this by it.
    const Fd low(ends[1]);
    spawner->report_writer_.reset(fcntl(low.get(), F_DUPFD_CLOEXEC, 4));
    if (!spawner->report_writer_) return errno_error("pipe for reports of children");
    // Only our end: a child that cannot write its report at once must not lose it.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    for (std::size_t i = 0; i < kSlots; ++i) {
        auto slot = std::make_unique<SpawnSlot>();
        slot->place = i;
        slot->stack = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (slot->stack == MAP_FAILED) {
            slot->stack = nullptr;
            return errno_error("stack for a child");
        }
        spawner->slots_.push_back(std::move(slot));
    }
    return spawner;
}

static constexpr timespec kPatience{0, 50'000'000};

// False if it takes longer than anything but a dead file server should.
static bool wait_until_free(SpawnSlot& slot) {
    while (!slot.is_free()) {
        const long woken = syscall(SYS_futex, &slot.running, FUTEX_WAIT, 1, &kPatience, nullptr, 0);
        if (woken != 0 && errno == ETIMEDOUT) return slot.is_free();
    }
    return true;
}

Spawner::~Spawner() {
    for (auto& slot : slots_) {
        // Its stack is the child's: better to lose it than to pull it away.
        if (!wait_until_free(*slot)) static_cast<void>(slot.release());
    }
}

void Spawner::note_execs() {
    for (const auto& slot : slots_)
        if (slot->is_free()) times_.note(slot->place, method_ == SpawnMethod::shared_memory);
}

void Spawner::settle() {
    for (const auto& slot : slots_) {
        if (!wait_until_free(*slot)) return;
    }
}

void Spawner::sweep() {
    for (const auto& slot : slots_)
        if (slot->is_free()) slot->sweep();
}

// Null if as many children as there are slots hang between clone and exec. For each of these the
// daemon has waited once, and does not do so again: whoever connects could keep it waiting else.
SpawnSlot* Spawner::free_slot() {
    SpawnSlot* oldest = nullptr; // and the first to be done, of those that do not hang
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        SpawnSlot& slot = *slots_[(next_ + i) % slots_.size()];
        if (slot.is_free()) return take(slot);
        if (oldest == nullptr && !slot.hangs) oldest = &slot;
    }
    if (oldest == nullptr) return nullptr;
    if (wait_until_free(*oldest)) return take(*oldest);
    oldest->hangs = true;
    return nullptr;
}

SpawnSlot* Spawner::take(SpawnSlot& slot) {
    next_ = (slot.place + 1) % slots_.size();
    slot.hangs = false;
    return &slot;
}

static void list_pointers(std::vector<char*>& pointers, std::string& block) {
    pointers.clear();
    for (std::size_t at = 0; at < block.size(); at = block.find('\0', at) + 1)
        pointers.push_back(&block[at]);
    pointers.push_back(nullptr);
}

// The place where the child is to write its pid, or 0.
static std::size_t append_listen_fds(std::string& block, std::string_view name) {
    if (name.empty()) return 0;
    block.append("LISTEN_FDS=1").push_back('\0');
    block.append("LISTEN_FDNAMES=");
    for (const char c : name)
        block += c == ':' ? '_' : c; // which separates the names
    block.push_back('\0');
    block.append("LISTEN_PID=");
    const std::size_t at = block.size();
    block.append("4194304").push_back('\0');
    return at;
}

void Spawner::join_groups_of(const Account& account) {
    if (join_groups(own_, account)) own_ = own_identity();
}

void Spawner::expect_large_table() {
    constexpr rlim_t kFew = 512; // of which no large table is made
    constexpr int kLow = 64;     // so many are copied at once, dup_fd() in Linux
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (method_ == SpawnMethod::fork || limit.rlim_cur < kFew) return;
    for (const auto& slot : slots_)
        slot->passage.open();
    // After an upgrade not all numbers that the binary before had for this are free.
    const auto is_high = [](const auto& slot) { return slot->passage.exit() >= kLow; };
    if (std::none_of(slots_.begin(), slots_.end(), is_high)) return;
    for (const auto& slot : slots_)
        if (slot->is_free()) slot->passage.raise_entrance(kLow);
    for (const auto& slot : slots_)
        if (slot->is_free()) slot->passage.lower_exit();
}

// To pass the socket is only a matter of speed: where it fails, the table is copied.
void Spawner::prepare(SpawnSlot& slot, const SpawnRequest& request, bool may_pass) {
    slot.keep_alive = request.keep_alive;
    slot.sandbox = request.sandbox;
    slot.argv.clear();
    for (const std::string& argument : request.program->argv)
        slot.argv.push_back(const_cast<char*>(argument.c_str()));
    slot.argv.push_back(nullptr);
    slot.environment.assign(request.environment);
    slot.environment.append(request.peer_environment);
    const std::size_t listen_pid = append_listen_fds(slot.environment, request.listen_name);
    list_pointers(slot.envp, slot.environment);

    slot.sweep();
    const bool pass = may_pass && method_ == SpawnMethod::shared_memory && slot.passage.open() &&
                      slot.passage.put(request.socket, request.errors);
    slot.fetched = !pass;
    slot.plan = {};
    slot.plan.umask = -1;
    slot.plan.path = request.program->path.c_str();
    slot.plan.argv = slot.argv.data();
    slot.plan.envp = slot.envp.data();
    slot.plan.socket = pass ? -1 : request.socket;
    slot.plan.errors = pass ? -1 : request.errors;
    slot.plan.receive = pass ? slot.passage.exit() : -1;
    slot.plan.fetched = &slot.fetched;
    slot.plan.report = report_writer_.get();
    slot.plan.own_session = own_sessions_;
    slot.plan.clock = clock_;
    slot.plan.listen_pid = listen_pid != 0 ? &slot.environment[listen_pid] : nullptr;
    slot.plan.sandbox = slot.sandbox ? &slot.sandbox->plan : nullptr;
    slot.plan.control_group = request.control_group;
    slot.plan.set_limit = hard_limit_ != 0;
    slot.plan.limit = {soft_limit_, hard_limit_};
    if (const Surroundings* around = request.surroundings) {
        slot.plan.umask = static_cast<int>(around->umask);
        slot.plan.directory = around->directory.empty() ? nullptr : around->directory.c_str();
        slot.plan.set_nice = around->nice.has_value();
        slot.plan.nice = around->nice.value_or(0);
    }
    if (request.account != nullptr && !is_same_identity(own_, *request.account)) {
        slot.plan.set_account = true;
        slot.plan.uid = request.account->uid;
        slot.plan.gid = request.account->gid;
        slot.plan.groups = request.account->groups.data();
        slot.plan.group_count = request.account->groups.size();
    }
}

static Result<pid_t> start_by_fork(SpawnSlot& slot) {
    slot.plan.move_to_group = slot.plan.control_group >= 0;
    const pid_t pid = fork();
    if (pid == 0) _exit(run_child(slot.plan));
    if (pid < 0) return errno_error("fork");
    return pid;
}

Result<pid_t> Spawner::start(SpawnSlot& slot) {
    if (method_ == SpawnMethod::fork) return start_by_fork(slot);
    __atomic_store_n(&slot.running, 1, __ATOMIC_RELEASE);
    const pid_t pid =
        clone_child(slot.plan, slot.stack, kStackSize, &slot.running, slot.plan.receive >= 0);
    if (pid > 0) return pid;
    __atomic_store_n(&slot.running, 0, __ATOMIC_RELEASE);
    if (pid != -ENOSYS && pid != -EPERM && pid != -EINVAL)
        return Error{slot.plan.control_group >= 0 ? "clone into its control group" : "clone",
                     static_cast<int>(-pid)};
    // A kernel before 5.3 or a container's system call filter: fork does the same, slower.
    method_ = SpawnMethod::fork;
    slot.fetched = true; // or will be, unseen
    return start_by_fork(slot);
}

Result<pid_t> Spawner::spawn(const SpawnRequest& request) {
    SpawnSlot* slot = free_slot();
    if (slot == nullptr) {
        SpawnSlot own;
        prepare(own, request, false);
        own.plan.exec_at = times_.nowhere();
        return start_by_fork(own);
    }
    prepare(*slot, request, request.large_table);
    times_.note(slot->place, method_ == SpawnMethod::shared_memory);
    slot->plan.exec_at = times_.begin(slot->place, request.whose, request.since);
    auto pid = start(*slot);
    if (!pid) slot->sweep();
    return pid;
}

std::vector<SpawnReport> Spawner::reports() {
    std::vector<SpawnReport> all;
    std::array<SpawnReport, 64> batch{};
    for (;;) {
        const ssize_t size = read(reports_.get(), batch.data(), sizeof batch);
        if (size <= 0) return all;
        const auto count = static_cast<std::size_t>(size) / sizeof batch[0];
        all.insert(all.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
    }
}

// The writing end may block, which the daemon must not.
void Spawner::put_back(const std::vector<SpawnReport>& reports) const {
    for (const SpawnReport& report : reports) {
        pollfd item{report_writer_.get(), POLLOUT, 0};
        if (poll(&item, 1, 0) != 1 ||
            write(report_writer_.get(), &report, sizeof report) != sizeof report)
            return;
    }
}

void Spawner::take_over(Pipe pipe) {
    for (const int fd : {pipe.read, pipe.write})
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    reports_.reset(pipe.read);
    report_writer_.reset(pipe.write);
}

void Spawner::restore_descriptor_limit(std::uint64_t soft, std::uint64_t hard) {
    soft_limit_ = soft;
    hard_limit_ = hard;
}

} // namespace inetd
