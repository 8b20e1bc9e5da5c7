#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/pipe_pool.h"
#include "config/model.h"
#include "event/loop.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <span>
#include <string>
#include <string_view>

namespace inetd {

// What a session is made of, for one that goes on in another process.
struct SessionState {
    int fd = -1;
    ServiceConfigPtr service;
    SocketAddress peer; // unnamed for a unix socket, which knows it by itself
    TimePoint started{};
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::string left; // read and not yet sent back
    bool input_closed = false;
    std::uint16_t position = 0; // in the cycle of chargen
};

// One connection to echo, discard or chargen. Kept small, because thousands of idle ones are
// normal: it holds memory of its own only for what a short write left over.
class Session {
  public:
    // What one turn brought. `error` is the errno that ended the session, 0 for an orderly end.
    struct Turn {
        bool progress = false;
        bool over = false;
        int error = 0;
    };

    Session(ServiceConfigPtr service, Fd fd, const SocketAddress& peer, std::shared_ptr<void> lease,
            TimePoint now);
    [[nodiscard]] SessionState state() const;
    // For one just made of the state's socket, service and peer: goes on where that was.
    void restore(const SessionState& state);

    // What all sessions have in common; it holds nothing between two turns.
    struct Scratch {
        std::span<char> bytes;
        Pipe pipe{}; // made at the first use
    };
    // At most one read and one write, so that no session keeps the loop to itself. SIGPIPE must be
    // blocked or ignored: splice(2) knows no MSG_NOSIGNAL.
    Turn turn(std::uint32_t events, Scratch& scratch);

    // What to wait for before the next turn: EPOLLIN, EPOLLOUT or both.
    [[nodiscard]] std::uint32_t wanted() const;
    // Bytes of memory held for a peer that does not read.
    [[nodiscard]] std::size_t buffered() const { return left_ ? left_end_ : 0; }

    [[nodiscard]] const ServiceConfigPtr& service() const { return service_; }
    [[nodiscard]] SocketAddress peer() const;
    [[nodiscard]] const std::shared_ptr<void>& lease() const { return lease_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] TimePoint started() const { return started_; }
    [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
    [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }

    void watch(Watch watch) { watch_ = std::move(watch); }
    void set_events(std::uint32_t events) { watch_.set_events(events); }

    TimePoint touched; // of the IdleList that owns the session

  private:
    // How the socket keeps boundaries, and whether it can throw input away uncopied.
    enum class Kind : std::uint8_t { tcp, stream, packets };

    static Kind kind_of(int fd);
    Turn echo(Scratch& scratch);
    Turn pass(Pipe& pipe);
    bool keep(const Pipe& pipe, std::size_t size);
    void keep(std::string_view rest);
    Turn flush();
    Turn discard(std::span<char> scratch);
    Turn chargen(std::uint32_t events, std::span<char> scratch);
    [[nodiscard]] ssize_t receive(std::span<char> scratch, int flags) const;
    [[nodiscard]] ssize_t transmit(const char* data, std::size_t size) const;
    [[nodiscard]] bool at_end() const;

    ServiceConfigPtr service_;
    std::shared_ptr<void> lease_;
    TimePoint started_;
    std::uint64_t bytes_in_ = 0;
    std::uint64_t bytes_out_ = 0;
    std::unique_ptr<char[]> left_; // what a short write left over: [left_begin_, left_end_)
    std::uint32_t left_begin_ = 0;
    std::uint32_t left_end_ = 0;
    // Not a SocketAddress, which would keep the path of a unix peer: these are not stored.
    std::array<char, sizeof(sockaddr_in6)> peer_{};
    std::uint8_t peer_size_ = 0;
    Kind kind_;
    bool input_closed_ = false;
    bool in_bulk_ = false;       // an echo of much at once, which is passed on uncopied
    std::uint16_t position_ = 0; // in the cycle of chargen
    Fd fd_;
    Watch watch_;
};

} // namespace inetd
