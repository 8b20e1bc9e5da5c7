#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/deadline.h"
#include "builtin/farewell.h"
#include "builtin/mux_line.h"
#include "builtin/parser.h"
#include "config/model.h"
#include "event/loop.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// Answers of RFC 1078, without their line's end.
inline constexpr std::string_view kMuxGo = "+Go";
inline constexpr std::string_view kMuxUnavailable = "-Service not available";
inline constexpr std::string_view kMuxBusy = "-Service busy";
inline constexpr std::string_view kMuxTooLong = "-Line too long";

// Sends `line` and CR LF to a connection that nothing was sent to yet. Never blocks and never
// raises SIGPIPE; false if not all of it could be sent.
bool mux_reply(int fd, std::string_view line);

// What became of a connection to tcpmux.
struct MuxEnd {
    enum class Outcome : std::uint8_t {
        served,
        refused, // by Handlers::serve
        unknown,
        unparsed, // the parser has failed
        help,
        too_long,
        timed_out,
        hung_up, // closed or reset before the line was complete and parsed
        stopped,
        error,
    };

    ServiceConfigPtr mux;
    SocketAddress peer;
    // As configured; for `unknown` as the peer wrote it, but empty where no service could have it;
    // empty where none was read.
    std::string name{};
    Outcome outcome = Outcome::served;
    int error_code = 0;
    std::shared_ptr<void> lease{}; // of `unparsed`
};

// A connection that goes on in another process.
struct MuxState {
    int fd = -1;
    ServiceConfigPtr mux;
    SocketAddress peer;
    std::string line; // what was taken of it; not its end, which comes from the socket again
};

// Every connection to tcpmux of which the service is not known yet (RFC 1078). Reads exactly the
// line with the name, so that the service finds on its socket all that follows. The end of the line
// is looked for here; the line is read by the parser.
class MuxSessions {
  public:
    struct Handlers {
        // The names that HELP lists and that are compared, case apart, with what a client asks for.
        std::function<std::vector<std::string>()> names;
        // Serves `fd`, which is in blocking mode now, as the service `name`, spelt as in names():
        // takes `fd` and `lease` by moving them and returns nothing. Or leaves both and returns
        // what the client is told, one of the lines above. For a service of which mux_greets is
        // set, it sends kMuxGo itself, once it has admitted the client.
        std::function<std::string_view(Fd& fd, const SocketAddress& peer, const std::string& name,
                                       std::shared_ptr<void>& lease, const ServiceConfigPtr& mux)>
            serve;
        // Called last of all that happens to a connection; may be empty.
        std::function<void(const MuxEnd&)> ended;
    };

    // The whole line has to come and to be parsed within `line_timeout` of the start (zero: no
    // limit), or within the idle_timeout and the session_timeout of tcpmux itself.
    MuxSessions(EventLoop& loop, AskParser ask, Duration line_timeout, Handlers handlers);
    ~MuxSessions();

    // `fd` is connected and close-on-exec; `lease` goes to serve() or is dropped when the
    // connection has been closed. May call handlers before it returns; they may call anything here,
    // and `ended` may destroy this object.
    void start(ServiceConfigPtr mux, Fd fd, const SocketAddress& peer, std::shared_ptr<void> lease);

    // Tells a client that serve() has taken that it is not served after all. Takes `fd`; `lease` is
    // dropped when the connection has been closed.
    void turn_away(Fd fd, std::shared_ptr<void> lease);

    [[nodiscard]] std::vector<MuxState> states() const;
    // Takes state.fd; the time for the line begins anew.
    void resume(const MuxState& state, std::shared_ptr<void> lease);
    [[nodiscard]] const Farewells& farewells() const { return farewells_; }

    // Connections that are open and not handed over.
    [[nodiscard]] std::size_t count() const;
    // Closes all that are there now.
    void stop_all();

  private:
    struct Session;
    using Handle = std::list<Session>::iterator;
    using Outcome = MuxEnd::Outcome;

    Handle add(ServiceConfigPtr mux, Fd fd, const SocketAddress& peer, std::shared_ptr<void> lease);
    void watch(Handle session);
    void read(Handle session);
    bool take_off(Handle session);
    void ask(Handle session);
    void take(Handle session, const ParserReply& reply);
    void list_names(Handle session);
    void decide(Handle session, const std::string& asked);
    void serve(Handle session, std::string name);
    void dismiss(Handle session, std::string words, Outcome outcome, std::string name);
    void end(Handle session, Outcome outcome, int error_code);

    EventLoop& loop_;
    AskParser ask_;
    std::shared_ptr<const Handlers> handlers_; // shared with calls of them that outlive this object
    Duration line_timeout_;
    Farewells farewells_;
    std::list<Session> sessions_;
};

} // namespace inetd
