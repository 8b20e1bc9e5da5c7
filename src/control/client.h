#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "control/framer.h"
#include "control/message.h"

#include <chrono>
#include <string>
#include <sys/types.h>

namespace inetd::control {

// The caller's side. Unlike all the rest it waits: it is for inetctl and not for the daemon.
class Client {
  public:
    static constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(60);

    static Result<Client> connect(const std::string& path);

    // Error: the connection has failed; what the daemon answers is a Reply in any case.
    Result<Reply> call(const std::string& method, Json parameters = Json::object(),
                       bool more = false);
    // The same in two steps, to do something else meanwhile.
    Result<void> send(const std::string& method, Json parameters = Json::object(),
                      bool more = false);
    // The next one of a call with `more`; without a limit of time.
    Result<Reply> next();
    // ETIMEDOUT if it is not there by then; it may be waited for again.
    Result<Reply> next(std::chrono::milliseconds patience);
    // The pid of whoever opened the other end's socket, as we see it; 0 = we do not see it.
    [[nodiscard]] pid_t peer() const;
    // To wait for more than this.
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    explicit Client(Fd fd) : fd_(std::move(fd)) {}
    Result<Reply> receive(int timeout_ms);
    Result<void> write(const std::string& text);

    Fd fd_;
    Framer framer_{kMostReply};
    static constexpr std::size_t kMostReply = std::size_t{1} << 30;
};

} // namespace inetd::control
