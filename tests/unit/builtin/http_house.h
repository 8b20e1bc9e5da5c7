#pragma once

#include "builtin/http_sessions.h"
#include "parsing.h"
#include "peers.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inetd::test {

inline constexpr std::size_t kMostHeld = 7'000'000;

// Sessions of HTTP over a document or two, and what was asked of them.
struct HttpHouse {
    // `most`: for a request.
    explicit HttpHouse(Duration most = std::chrono::hours(1)) : limit(most) {}

    Connection start(Connection connection = tcp_connection(),
                     std::chrono::milliseconds idle_timeout = std::chrono::minutes(1),
                     std::chrono::milliseconds session_timeout = std::chrono::seconds(0)) {
        auto config = std::make_shared<ServiceConfig>();
        config->builtin = Builtin::metrics;
        own_terms(*config).idle_timeout = idle_timeout;
        own_terms(*config).session_timeout = session_timeout;
        sessions.start(config, std::move(connection.server), connection.peer, lease);
        return connection;
    }
    void say_in_pieces(const Fd& client, std::string_view text) {
        for (const char byte : text) {
            say(client, {&byte, 1});
            loop.round(std::chrono::milliseconds(1));
        }
    }
    // Of an answer: the status and the body.
    std::string next_answer(const Fd& client, bool has_body = true) {
        std::size_t end = std::string::npos;
        std::size_t size = 0;
        rounds_until(loop, [&] {
            read_some(client, got);
            end = got.find("\r\n\r\n");
            if (end == std::string::npos) return false;
            size = std::stoul(got.substr(got.find("Content-Length: ") + 16));
            if (!has_body) size = 0;
            return got.size() >= end + 4 + size;
        });
        const std::string status = got.substr(9, 3);
        const bool open = got.find("Connection: keep-alive\r\n") < end;
        const std::string body = got.substr(end + 4, size);
        got.erase(0, end + 4 + size);
        return status + (open ? " open " : " ") + body;
    }

    Duration limit;
    std::shared_ptr<int> lease = std::make_shared<int>(0);
    std::string got;
    unsigned asked = 0;
    std::vector<std::string> paths;
    bool stays = true;
    Duration takes{};
    std::string big;
    std::vector<SessionEnd> ends;
    EventLoop loop;
    Parser parser{loop};
    HttpSessions sessions{
        loop,
        parser.asker(),
        {.document = [this](const HttpRequest& request) -> std::optional<HttpDocument> {
             ++asked;
             paths.push_back(request.path);
             for (const TimePoint end = Clock::now() + takes; Clock::now() < end;) {
             }
             if (request.path == "/big") return HttpDocument{"text/plain", big};
             if (request.path != "/") return std::nullopt;
             return HttpDocument{"text/plain", "hello", "X-Test: yes\r\n"};
         },
         .keeps_open = [this] { return stays; },
         .ended =
             [this](const SessionEnd& end) {
                 CHECK(end.lease == lease);
                 ends.push_back(end);
                 ends.back().lease.reset();
             }},
        limit,
        kMostHeld};
};

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace inetd::test
