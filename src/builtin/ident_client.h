#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/ident_line.h"
#include "builtin/idle_list.h"
#include "builtin/parser.h"
#include "event/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace inetd {

// Asks the machines of clients whose their connections are (RFC 1413), without waiting for any.
class IdentClient {
  public:
    static constexpr std::uint16_t kPort = 113;
    static constexpr std::size_t kMost = 64; // questions at one time; beyond that nobody is asked

    // Any bytes but NUL: that machine says what it likes.
    using OnAnswer = std::function<void(const std::string& user)>;

    IdentClient(EventLoop& loop, AskParser ask, Duration timeout = std::chrono::seconds(5),
                std::uint16_t port = kPort);
    ~IdentClient();

    // Asks about the TCP connection from `peer` to `local`, from the same address. `answered` is
    // called once, later, or, if no good answer comes in time, never. Connections to ident itself
    // are not asked about: two machines that ask each other would never end.
    void ask(const SocketAddress& local, const SocketAddress& peer, OnAnswer answered);

    [[nodiscard]] std::size_t count() const;

  private:
    struct Question;
    using Handle = IdleList<Question>::Handle;

    void turn(Handle question);
    void read(Handle question);
    void take(Handle question, ParserReply reply);

    EventLoop& loop_;
    AskParser ask_;
    std::uint16_t port_;
    IdleList<Question> questions_;
};

} // namespace inetd
