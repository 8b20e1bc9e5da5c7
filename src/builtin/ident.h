#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/deadline.h"
#include "builtin/farewell.h"
#include "builtin/ident_line.h"
#include "builtin/parser.h"
#include "config/model.h"
#include "event/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <sys/types.h>

namespace inetd {

// Every connection to the built-in `auth` (RFC 1413). Each asks once and is answered; one that does
// not ask in time, or asks at length, is closed; in time is within `timeout` of the start, and
// within the idle_timeout and the session_timeout of the service.
class IdentSessions {
  public:
    // Who owns the connection between these ports and the two hosts of the connection `fd`.
    using FindOwner =
        std::function<std::optional<uid_t>(int fd, std::uint16_t local, std::uint16_t remote)>;

    IdentSessions(EventLoop& loop, AskParser ask, FindOwner find_owner,
                  Duration timeout = std::chrono::seconds(30));
    ~IdentSessions();

    // `fd` is connected and close-on-exec; service->terms->ident is there. `lease` is dropped when
    // the connection has been closed.
    void start(ServiceConfigPtr service, Fd fd, std::shared_ptr<void> lease);

    [[nodiscard]] std::size_t count() const;
    void stop_all();

  private:
    struct Session;
    using Handle = std::list<Session>::iterator;

    void read(Handle session);
    void answer(Handle session, const IdentQuery& query);
    void forget(Handle session);

    EventLoop& loop_;
    AskParser ask_;
    FindOwner find_owner_;
    Duration timeout_;
    Farewells farewells_;
    std::list<Session> sessions_;
};

} // namespace inetd
