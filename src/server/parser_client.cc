#include "server/parser_client.h"

#include "builtin/parser_message.h"
#include "log/log.h"
#include "process/pidfd.h"

#include <csignal>
#include <system_error>
#include <utility>

namespace inetd {

using namespace std::chrono_literals;

static_assert(kLongestParserMessage <= kLongestParserDatagram);

static constexpr Duration kBetweenStarts = 1s;
// A fork waits for its turn on a machine that has too much to do; a parser that is there does not.
static constexpr Duration kStart = 10s;
static constexpr Duration kRest = 60s; // without a question until the process ends

ParserClient::ParserClient(EventLoop& loop, Duration timeout) : loop_(loop), timeout_(timeout) {}

ParserClient::~ParserClient() {
    stop_all();
}

AskParser ParserClient::asker() {
    return [this](ParserQuestion question, std::function<void(ParserReply)> done) {
        return ask(std::move(question), std::move(done));
    };
}

std::shared_ptr<void> ParserClient::ask(ParserQuestion question,
                                        std::function<void(ParserReply)> done) {
    const std::uint64_t id = next_++;
    waiting_.emplace_hint(waiting_.end(), id, Waiting{std::move(question), std::move(done)});
    rest_.reset();
    pump();
    return {this, [id](ParserClient* client) { client->waiting_.erase(id); }};
}

// Gives the process what waits, if it has nothing. Calls nobody.
void ParserClient::pump() {
    while (!asked_ && !waiting_.empty() && !pause_) {
        if (!process_.socket) start();
        if (!ready_) return;
        const auto& [id, first] = *waiting_.begin();
        // Or it has ended meanwhile, of nothing that anybody asked.
        if (!send_to_parser(process_.socket.get(), encode_question(first.question))) {
            end_process();
            continue;
        }
        asked_ = id;
        limit_ = loop_.after(timeout_, [this] { late(); });
    }
}

void ParserClient::start() {
    if (const Duration left = earliest_ - loop_.now(); left > Duration::zero()) {
        pause_ = loop_.after(left, [this] { pump(); });
        return;
    }
    earliest_ = loop_.now() + kBetweenStarts;
    auto process = start_parser(parse_apart);
    if (!process) return give_up_start(process.error().text());
    process_ = std::move(*process);
    try {
        watch_ = loop_.watch(process_.socket.get(), EPOLLIN, [this](std::uint32_t) { read(); });
    } catch (const std::system_error& refused) {
        return give_up_start(Error{"epoll_ctl", refused.code().value()}.text());
    }
    limit_ = loop_.after(kStart, [this] { give_up_start("not ready in time"); });
}

// Nobody is called from here, for it may be somebody who asks.
void ParserClient::give_up_start(const std::string& why) {
    end_process();
    if (waiting_.empty()) return;
    note("cannot be started: " + why, waiting_.begin()->second.question.kind);
    pause_ = loop_.after(Duration::zero(), [this] { fail_all(); });
}

void ParserClient::read() {
    if (const auto reply = receive_from_parser(process_.socket.get())) take(*reply);
}

void ParserClient::late() {
    // It may have been the daemon that was late.
    const auto reply = receive_from_parser(process_.socket.get());
    if (reply) return take(*reply);
    fail("did not answer in time");
}

void ParserClient::take(const std::string& reply) {
    if (!ready_) {
        if (reply != kParserReady) return give_up_start("it ended");
        ready_ = true;
        return go_on();
    }
    if (!asked_) return end_process();
    if (reply.empty()) return fail("ended");
    const auto asker = waiting_.find(*asked_);
    std::function<void(ParserReply)> done;
    ParserReply parsed;
    if (asker != waiting_.end()) {
        auto decoded = decode_reply(asker->second.question, reply);
        if (!decoded) return fail("replied what makes no sense");
        parsed = std::move(*decoded);
        done = std::move(asker->second.done);
        waiting_.erase(asker);
    }
    asked_.reset();
    go_on();
    if (done) done(std::move(parsed));
}

void ParserClient::go_on() {
    limit_.reset();
    if (waiting_.empty()) rest_ = loop_.after(kRest, [this] { retire(); });
    pump();
}

// Of the question that the process has. Whose client has gone is nobody's loss.
void ParserClient::fail(const std::string& why) {
    end_process();
    const auto asker = waiting_.find(*std::exchange(asked_, std::nullopt));
    std::function<void(ParserReply)> done;
    if (asker != waiting_.end()) {
        note(why, asker->second.question.kind);
        done = std::move(asker->second.done);
        waiting_.erase(asker);
    }
    pump();
    if (done) done({});
}

// Those that wait now; who is told may ask again.
void ParserClient::fail_all() {
    for (const std::uint64_t end = next_; !waiting_.empty() && waiting_.begin()->first < end;) {
        const auto done = std::move(waiting_.begin()->second.done);
        waiting_.erase(waiting_.begin());
        done({});
    }
}

static std::string_view name_of(ParserQuestion::Kind kind) {
    switch (kind) {
    case ParserQuestion::Kind::proxy_header:
        return "a PROXY header";
    case ParserQuestion::Kind::ident_query:
        return "a question to auth";
    case ParserQuestion::Kind::ident_answer:
        return "an answer of ident";
    case ParserQuestion::Kind::http_request:
        return "an HTTP request";
    case ParserQuestion::Kind::mux_line:
        return "a line of tcpmux";
    }
    return "a question";
}

void ParserClient::note(const std::string& why, ParserQuestion::Kind kind) {
    if (!notes_.pass(loop_.now())) return;
    const auto others = notes_.suppressed();
    log::error("parser: {}; {} is given up{}", why, name_of(kind),
               others != 0 ? fmt::format(" ({} more before)", others) : "");
}

void ParserClient::end_process() {
    limit_.reset();
    watch_.reset();
    if (process_.pidfd) signal_process(process_.pidfd.get(), SIGKILL);
    process_ = {};
    ready_ = false;
}

void ParserClient::retire() {
    end_process();
    rest_.reset();
    asked_.reset();
    earliest_ = {};
    // Should the daemon stay after all.
    if (!waiting_.empty()) pause_ = loop_.after(Duration::zero(), [this] { pump(); });
}

void ParserClient::stop_all() {
    waiting_.clear();
    retire();
    pause_.reset();
}

} // namespace inetd
