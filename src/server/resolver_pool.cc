#include "server/resolver_pool.h"

#include "process/pidfd.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

namespace inetd {

using namespace std::chrono_literals;

static constexpr std::size_t kMostWorkers = 8;
static constexpr std::size_t kMostQuestions = 256;
static constexpr std::size_t kMostWaiting = 1024;
static constexpr unsigned kMostTries = 2; // of a question that a worker died of
static constexpr Duration kRest = 60s;    // without a question until the workers end

struct ResolverPool::Question {
    explicit Question(Inquiry asked) : inquiry(std::move(asked)) {}

    TimePoint touched;
    Inquiry inquiry;
    std::vector<Done> done;
    unsigned tries = 0;
};

struct ResolverPool::Worker {
    ResolverProcess process;
    std::optional<Handle> question;
    Watch watch; // after the descriptor, so that it goes first
};

static SocketAddress host_of(const SocketAddress& client) {
    SocketAddress host = client.unmapped();
    host.set_port(0);
    return host;
}

ResolverPool::ResolverPool(EventLoop& loop, std::function<void(const Error&)> trouble,
                           Duration timeout)
    : loop_(loop),
      trouble_(std::move(trouble)),
      questions_(loop, timeout, [this](Handle question) { finish(question, {}); }) {}

ResolverPool::~ResolverPool() {
    stop_all();
}

const HostNames* ResolverPool::known(const SocketAddress& client) const {
    return cache_.find(client, loop_.now());
}

void ResolverPool::ask(const Inquiry& inquiry, Done done) {
    if (waiting_ >= kMostWaiting) return done({});
    const bool names = inquiry.kind == Inquiry::Kind::names;
    const SocketAddress host = host_of(inquiry.client);
    if (names) {
        if (const auto open = open_names_.find(host); open != open_names_.end()) {
            ++waiting_;
            return open->second->done.push_back(std::move(done));
        }
    }
    if (questions_.size() >= kMostQuestions) return done({});
    rest_.reset();
    const Handle question = questions_.add(inquiry);
    question->done.push_back(std::move(done));
    ++waiting_;
    if (names) open_names_.emplace(host, question);
    queue_.push_back(question);
    pump();
}

// Gives out what waits, as far as there are workers.
void ResolverPool::pump() {
    while (!queue_.empty()) {
        auto idle = std::find_if(workers_.begin(), workers_.end(),
                                 [](const Worker& worker) { return !worker.question; });
        if (idle == workers_.end()) {
            if (workers_.size() >= kMostWorkers) return;
            if (!start_worker()) {
                // Those that are there will come to it; if there are none, nobody will.
                if (!workers_.empty()) return;
                finish(queue_.front(), {});
                continue;
            }
            idle = std::prev(workers_.end());
        }
        const Handle question = queue_.front();
        queue_.pop_front();
        idle->question = question;
        if (send_inquiry(idle->process.socket.get(), question->inquiry)) continue;
        end_worker(idle);
    }
}

bool ResolverPool::start_worker() {
    auto process = start_resolver();
    if (!process) {
        trouble_(process.error());
        return false;
    }
    const auto worker = workers_.insert(workers_.end(), Worker{std::move(*process), {}, {}});
    try {
        worker->watch = loop_.watch(worker->process.socket.get(), EPOLLIN,
                                    [this, worker](std::uint32_t) { read(worker); });
    } catch (const std::system_error& error) {
        trouble_({"epoll_ctl", error.code().value()});
        workers_.erase(worker);
        return false;
    }
    return true;
}

void ResolverPool::read(Workers::iterator worker) {
    const auto reply = receive_reply(worker->process.socket.get());
    if (!reply) {
        end_worker(worker);
        return pump();
    }
    const auto question = std::exchange(worker->question, std::nullopt);
    if (question) finish(*question, *reply);
}

// What it was at is asked again, unless it might be the cause.
void ResolverPool::end_worker(Workers::iterator worker) {
    const auto question = std::exchange(worker->question, std::nullopt);
    if (worker->process.pidfd) signal_process(worker->process.pidfd.get(), SIGKILL);
    workers_.erase(worker);
    if (!question) return;
    if (++(*question)->tries >= kMostTries) return finish(*question, {});
    queue_.push_front(*question);
}

void ResolverPool::finish(Handle question, const InquiryReply& reply) {
    const auto holder = std::find_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
        return worker.question && *worker.question == question;
    });
    if (holder != workers_.end()) {
        holder->question.reset();
        end_worker(holder);
    }
    const auto queued = std::find(queue_.begin(), queue_.end(), question);
    if (queued != queue_.end()) queue_.erase(queued);
    if (question->inquiry.kind == Inquiry::Kind::names) {
        const SocketAddress host = host_of(question->inquiry.client);
        open_names_.erase(host);
        cache_.add(host, reply.names, loop_.now());
    }
    const std::vector<Done> done = std::move(question->done);
    waiting_ -= done.size();
    questions_.remove(question);
    if (questions_.empty()) rest_ = loop_.after(kRest, [this] { retire(); });
    pump();
    for (const Done& call : done)
        call(reply);
}

void ResolverPool::retire() {
    for (Worker& worker : workers_) {
        if (worker.question) queue_.push_front(*worker.question);
        if (worker.process.pidfd) signal_process(worker.process.pidfd.get(), SIGKILL);
    }
    workers_.clear();
}

void ResolverPool::stop_all() {
    retire();
    rest_.reset();
    queue_.clear();
    open_names_.clear();
    questions_.clear();
    waiting_ = 0;
}

} // namespace inetd
