#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "event/loop.h"

#include <cstdint>
#include <functional>
#include <unordered_map>

namespace inetd {

// Tells when both directions of a connection that a child has are at an end, without a copy of it:
// one of ours would keep it open after the child has closed it. epoll(7) holds on to the open file
// and reports it to whoever has registered it until the last descriptor of it is closed.
//
// It has an epoll instance of its own, watched by that of the loop, because a binary after us can
// go on with that: it could not register again what it has no descriptor of.
class HangUps {
  public:
    // Names one registration, in all binaries of this process. 0 is none.
    using Token = std::uint64_t;

    explicit HangUps(EventLoop& loop) : loop_(loop) {}

    // The caller may close `connection` afterwards. Error: the kernel's.
    Result<Token> add(int connection);
    // Calls the handler once, when it has come to an end; at once if it has already, and never for
    // a token of 0.
    void on_end(Token token, std::function<void()> handler) {
        handlers_[token] = std::move(handler);
    }
    void forget(Token token) { handlers_.erase(token); }

    // What a binary after us goes on with.
    struct State {
        int epoll = -1; // -1: there has never been a registration
        Token last = 0;
    };
    [[nodiscard]] State state() const { return {.epoll = epoll_.get(), .last = last_}; }
    // Before any add(); takes state.epoll, and needs on_end() for every token that is still of use
    // before the loop goes on.
    void resume(const State& state);

  private:
    void watch();
    void watch_resumed();
    void look();

    EventLoop& loop_;
    Fd epoll_;
    Watch watch_;
    Timer again_;
    Token last_ = 0;
    std::unordered_map<Token, std::function<void()>> handlers_;
};

} // namespace inetd
