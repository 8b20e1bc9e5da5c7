#pragma once

#include "builtin/http_cut.h"
#include "builtin/http_sessions.h"

#include <utility>

namespace inetd {

// A session is in one of five states: `output` is not empty while an answer is on its way, and then
// nothing is read; `question` is there while the parser has what came; `queued` is set while a
// whole request waits for its turn; `again` while requests that came together with an answered one
// may be left in `input`; else it waits for input. The last answer of a connection goes by way of a
// Farewell, so that a client that is still sending does not lose it.
struct HttpSessions::Session {
    Session(ServiceConfigPtr&& config, Fd&& connection, SocketAddress from,
            std::shared_ptr<void>&& slot, TimePoint now)
        : service(std::move(config)),
          lease(std::move(slot)),
          peer(std::move(from)),
          started(now),
          fd(std::move(connection)) {}

    [[nodiscard]] std::uint32_t wanted() const {
        if (queued || question) return 0;
        return output.empty() && !again ? EPOLLIN : EPOLLOUT;
    }

    [[nodiscard]] bool idle() const { return input.empty() && output.empty() && !queued; }

    TimePoint touched;
    ServiceConfigPtr service;
    std::shared_ptr<void> lease;
    SocketAddress peer;
    TimePoint started;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    unsigned requests = 0;
    std::string input;   // of the request that comes, and perhaps of others after it
    HttpCut cut;         // of the same one
    HttpRequest request; // that is queued
    std::string output;  // of the answer, from `sent` on
    std::size_t sent = 0;
    bool queued = false;
    bool again = false;
    std::uint32_t watched = EPOLLIN;
    Timer head; // for the request that has begun to come
    Timer deadline;
    Fd fd;
    Watch watch; // after the descriptor, so that it goes first
    std::shared_ptr<void> question;
};

} // namespace inetd
