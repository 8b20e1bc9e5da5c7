// Whose request is answered next, and with what.
#include "builtin/http_session.h"
#include "builtin/responders.h"

#include <algorithm>
#include <string>

namespace inetd {

// Documents together get a fifth of the time: one that is dear, for there are many services, must
// not be a means of keeping their clients waiting.
void HttpSessions::line_up(Handle session) {
    if (queue_.empty() && Clock::now() >= next_) {
        answer(session);
        return give_up_slow();
    }
    session->queued = true;
    queue_.push_back(session);
    settle(session);
    call_in_time();
}

void HttpSessions::call_in_time() {
    if (queue_.empty() || call_) return;
    const Duration left = next_ - Clock::now();
    call_ = loop_.after(std::max(left, Duration::zero()), [this] { call_next(); });
}

void HttpSessions::call_next() {
    const Handle session = queue_.front();
    queue_.pop_front();
    session->queued = false;
    answer(session);
    give_up_slow();
    call_in_time();
}

std::optional<HttpDocument> HttpSessions::make(const HttpRequest& request) {
    const TimePoint begin = Clock::now();
    auto document = handlers_.document(request);
    const TimePoint end = Clock::now();
    next_ = end + 4 * (end - begin);
    return document;
}

void HttpSessions::answer(Handle session) {
    const HttpRequest request = std::exchange(session->request, {});
    const bool head = request.method == "HEAD";
    HttpManner manner{.keeps_open = request.keeps_open && ++session->requests < kMostRequests &&
                                    handlers_.keeps_open(),
                      .head = head,
                      .now = wall_clock()};
    std::string words;
    // RFC 9110 9.3.1: a body of a GET means nothing, and has been used to smuggle requests.
    if (!head && request.method != "GET") {
        manner.keeps_open = manner.keeps_open && !request.has_body;
        words = http_failure(405, manner);
    } else if (request.has_body) {
        manner.keeps_open = false;
        words = http_failure(400, manner, "a request for a document has no body");
    } else if (const auto document = make(request)) {
        words = http_answer(*document, manner);
    } else {
        words = http_failure(404, manner);
    }
    if (!manner.keeps_open) return dismiss(session, std::move(words));
    session->output = std::move(words);
    held_ += session->output.size();
    session->sent = 0;
    list_of(*session->service).touch(session);
    if (write(session)) settle(session);
}

// Whom an answer has just begun for is the last to be given up, and the only one never.
void HttpSessions::give_up_slow() {
    while (held_ + farewells_.held() > most_held_) {
        std::optional<Handle> slow;
        for (auto& [limit, list] : lists_) {
            for (Handle session = list.begin(); session != list.end(); ++session) {
                if (session->output.empty()) continue;
                if (!slow || session->touched < (*slow)->touched) slow = session;
            }
        }
        const auto leaving = farewells_.slowest();
        const bool stays = slow && (!leaving || (*slow)->touched <= leaving->since);
        const std::size_t held = held_ + farewells_.held();
        if (held == (stays ? (*slow)->output.size() : leaving->held)) return;
        if (stays)
            end(*slow, SessionEnd::Reason::idle, 0);
        else
            farewells_.give_up_slowest();
    }
}

} // namespace inetd
