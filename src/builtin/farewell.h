#pragma once

#include "base/fd.h"
#include "builtin/deadline.h"
#include "event/loop.h"

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace inetd {

// A farewell that goes on in another process.
struct FarewellState {
    int fd = -1;
    std::string words; // not yet sent
    bool shut = false; // all is said, and our half closed
    std::size_t thrown_away = 0;
};

// Ends connections without losing what is said last: sends the words, closes our half, and throws
// away what the peer still sends until it closes too. To close at once would answer unread input
// with a reset (RFC 1122 4.2.2.13), and a reset makes the peer's kernel drop words not yet read.
// Patience is bounded: in time without progress of the words, in bytes thrown away, and by what is
// left of the time of the service.
class Farewells {
  public:
    static constexpr std::size_t kMostInput = std::size_t{64} * 1024;

    explicit Farewells(EventLoop& loop, Duration idle = std::chrono::seconds(2));
    ~Farewells();

    // Takes the connection; `lease` is dropped after it is closed. Never fails: a peer that is gone
    // hears nothing. `patience`: of the service, where that has less.
    void say(Fd fd, std::string words, std::shared_ptr<void> lease, const Patience& patience = {});

    [[nodiscard]] std::vector<FarewellState> states() const;
    // Takes state.fd; the time begins anew.
    void resume(const FarewellState& state);

    [[nodiscard]] std::size_t count() const;
    // Bytes of memory held for peers that do not read.
    [[nodiscard]] std::size_t held() const { return held_; }
    // The one of these that has taken nothing for longest: since when, and what is held for it.
    struct Slowest {
        TimePoint since;
        std::size_t held = 0;
    };
    [[nodiscard]] std::optional<Slowest> slowest() const;
    // Closes it now; only if there is one.
    void give_up_slowest();
    // Closes all of them now.
    void clear();

  private:
    struct Farewell;
    using Handle = std::list<Farewell>::iterator;
    using ConstHandle = std::list<Farewell>::const_iterator;

    [[nodiscard]] ConstHandle find_slowest() const;

    bool talk(Handle item);
    void begin(Handle item, const Patience& patience);
    void turn(Handle item);
    void forget(Handle item);

    EventLoop& loop_;
    Duration idle_;
    std::list<Farewell> items_;
    std::size_t held_ = 0;
};

} // namespace inetd
