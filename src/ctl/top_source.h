#pragma once

#include "control/client.h"
#include "ctl/context.h"
#include "ctl/top_rows.h"

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>

namespace inetd::ctl {

// What is known of the daemon beside its services.
struct TopAbout {
    std::string version;
    double started = 0; // seconds since 1970
    pid_t pid = 0;
    bool is_near = false; // its processes have the same numbers for us
};

// A connection to the daemon. Between ask() and take() the caller may do something else.
class TopSource {
  public:
    explicit TopSource(const Context& context) : context_(context) {}

    // Anew, if there was one before.
    [[nodiscard]] Result<void> connect();
    [[nodiscard]] Result<void> ask();
    // Nothing: the reply is not whole yet.
    [[nodiscard]] Result<std::optional<TopSample>> take(std::chrono::milliseconds patience);
    // What the daemon has answered instead, where one of these has failed by that: it would answer
    // the same again. Null: the connection has failed.
    [[nodiscard]] const control::Reply* refusal() const { return refusal_ ? &*refusal_ : nullptr; }
    [[nodiscard]] const TopAbout& about() const { return about_; }
    // Readable when there is something to take.
    [[nodiscard]] int fd() const { return client_ ? client_->fd() : -1; }

  private:
    Error refused(const control::Reply& reply);

    const Context& context_;
    std::optional<control::Client> client_;
    std::optional<control::Reply> refusal_;
    TopAbout about_;
};

} // namespace inetd::ctl
