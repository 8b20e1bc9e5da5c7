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
static constexpr std::ptrdiff_t kMostWorkersOfOne = 3; // network
static constexpr std::size_t kMostWaiting = 1024;
static constexpr unsigned kMostTries = 2; // of a question that a worker died of
static constexpr Duration kRest = 60s;    // without a question until the workers end

struct ResolverPool::Question {
    Question(Inquiry asked, const Cidr& from) : inquiry(std::move(asked)), network(from) {}

    TimePoint touched;
    Inquiry inquiry;
    Cidr network;
    std::vector<Done> done;
    unsigned tries = 0;
};

struct ResolverPool::Worker {
    WorkerProcess process;
    std::optional<Handle> question;
    Watch watch; // after the descriptor, so that it goes first
};

static SocketAddress host_of(const SocketAddress& client) {
    SocketAddress host = client.unmapped();
    host.set_port(0);
    return host;
}

// What one owner mostly has at least.
static Cidr network_of(const SocketAddress& client) {
    const SocketAddress host = client.unmapped();
    return {host, host.family() == AF_INET ? 24U : 64U};
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

std::size_t ResolverPool::waiting_in(const Cidr& network) const {
    std::size_t count = 0;
    for (const Question& question : questions_)
        if (question.network == network) count += question.done.size();
    return count;
}

void ResolverPool::ask(const Inquiry& inquiry, Done done) {
    const Cidr network = network_of(inquiry.client);
    if (waiting_ >= kMostWaiting || waiting_in(network) >= kMostWaitingOfOne) return done({});
    const bool names = inquiry.kind == Inquiry::Kind::names;
    const SocketAddress host = host_of(inquiry.client);
    if (names) {
        if (const auto open = open_names_.find(host); open != open_names_.end()) {
            ++waiting_;
            return open->second->done.push_back(std::move(done));
        }
    }
    rest_.reset();
    const Handle question = questions_.add(inquiry, network);
    question->done.push_back(std::move(done));
    ++waiting_;
    if (names) open_names_.emplace(host, question);
    queue_.push_back(question);
    pump();
}

ResolverPool::Workers::iterator ResolverPool::idle_worker() {
    return std::find_if(workers_.begin(), workers_.end(),
                        [](const Worker& worker) { return !worker.question; });
}

// The oldest question of a network that has not got its share of the workers.
std::deque<ResolverPool::Handle>::iterator ResolverPool::next() {
    return std::find_if(queue_.begin(), queue_.end(), [this](Handle question) {
        return std::count_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
                   return worker.question && (*worker.question)->network == question->network;
               }) < kMostWorkersOfOne;
    });
}

// Gives out what waits, as far as there are workers.
void ResolverPool::pump() {
    for (auto first = next(); first != queue_.end(); first = next()) {
        const Handle question = *first;
        auto idle = idle_worker();
        if (idle == workers_.end()) {
            if (workers_.size() >= kMostWorkers) return;
            if (!start_worker()) {
                // Those that are there will come to it; if there are none, nobody will.
                if (!workers_.empty()) return;
                finish(question, {});
                continue;
            }
            idle = std::prev(workers_.end());
        }
        queue_.erase(first);
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
