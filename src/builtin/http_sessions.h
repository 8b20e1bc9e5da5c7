#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/farewell.h"
#include "builtin/http_answer.h"
#include "builtin/http_request.h"
#include "builtin/idle_list.h"
#include "builtin/parser.h"
#include "builtin/session_end.h"
#include "config/model.h"
#include "event/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace inetd {

// Every connection to a built-in service that speaks HTTP/1.1: GET and HEAD of a few documents. A
// connection is kept for further requests. Those of all clients are answered in the order in which
// they have come, one in a round of the loop. While a client does not take its answer nothing more
// is read from it, so that it can cost one document and one request; and where such answers come to
// too much in all, the client that has taken nothing for longest is closed.
class HttpSessions {
  public:
    // How long the head of a request may take from its first byte on.
    static constexpr Duration kHeadTime = std::chrono::seconds(10);
    // A client that asks without end has to come through the admission again now and then.
    static constexpr unsigned kMostRequests = 100;
    // Bytes of answers that clients have not taken, of all of them; a single one may have more.
    static constexpr std::size_t kMostHeld = std::size_t{32} * 1024 * 1024;

    struct Handlers {
        // What there is at request.path; nothing: nothing. Called for GET and HEAD.
        std::function<std::optional<HttpDocument>(const HttpRequest&)> document;
        // Whether clients may stay for further requests at present.
        std::function<bool()> keeps_open;
        // Called last of all that happens to a connection; may call anything here but not destroy
        // this object. May be empty.
        std::function<void(const SessionEnd&)> ended;
    };

    // A client that neither asks nor takes a byte for its service's idle_timeout is closed.
    HttpSessions(EventLoop& loop, AskParser ask, Handlers handlers, Duration head_time = kHeadTime,
                 std::size_t most_held = kMostHeld);
    ~HttpSessions();

    // `fd` is connected and close-on-exec; blocking or not is all the same. `lease` is dropped when
    // the connection has been closed, which may be a few seconds after its end was reported (see
    // Farewells).
    void start(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
               std::shared_ptr<void> lease);

    // Connections that are open.
    [[nodiscard]] std::size_t count() const;
    // Those of them that wait for an answer or have begun to ask. The others may be closed at any
    // time: RFC 9112 9.5.
    [[nodiscard]] std::size_t busy() const;
    // For each that is open, but for those whose end was reported.
    void each(const std::function<void(const SessionBytes&)>& look) const;
    // Closes those that are not busy.
    void close_idle();
    // Closes all that are there now.
    void stop_all();

  private:
    struct Session;
    using List = IdleList<Session>;
    using Handle = List::Handle;

    List& list_of(const ServiceConfig& service);
    void limit(Handle session);
    void turn(Handle session, std::uint32_t events);
    void read(Handle session);
    void look(Handle session);
    void take(Handle session, const ParserReply& reply);
    void line_up(Handle session);
    void call_in_time();
    void call_next();
    std::optional<HttpDocument> make(const HttpRequest& request);
    void answer(Handle session);
    void give_up_slow();
    bool write(Handle session);
    void settle(Handle session);
    void refuse(Handle session, int status);
    void dismiss(Handle session, std::string words);
    void end(Handle session, SessionEnd::Reason reason, int error_code);
    void remove(Handle session);
    [[nodiscard]] SessionEnd report(const Session& session) const;

    EventLoop& loop_;
    AskParser ask_;
    Handlers handlers_;
    Duration head_time_;
    std::size_t most_held_;
    Farewells farewells_;
    std::size_t held_ = 0;           // bytes of the answers of sessions
    TimePoint next_{};               // from when on a document may be made
    std::deque<Handle> queue_;       // those that wait for it
    Timer call_;                     // of the first of them
    std::map<Duration, List> lists_; // by time-out, which few services have of their own
};

} // namespace inetd
