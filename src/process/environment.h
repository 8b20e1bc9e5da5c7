#pragma once

#include "base/address.h"
#include "config/model.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// NAME=VALUE strings, one NUL after each: the form in which a child's environment is handed about.
class Environment {
  public:
    // Room for as many bytes without another allocation.
    void reserve(std::size_t size) { block_.reserve(size); }
    // A value ends at its first NUL: what lies behind would be a variable of its own.
    void set(std::string_view name, std::string_view value);
    void append(std::string_view assignments) { block_ += assignments; }
    [[nodiscard]] std::string_view block() const { return block_; }
    [[nodiscard]] bool empty() const { return block_.empty(); }

  private:
    std::string block_;
};

// The same for all instances of a service: PATH, LANG, TZ and what is to be passed on (the daemon's
// own, if set; PATH has a default), USER, LOGNAME, HOME, SHELL, and what the settings assign, which
// replaces any of these. With `keep` all that the daemon itself was given, beneath them.
[[nodiscard]] Environment service_environment(const Account& account,
                                              const Surroundings& surroundings,
                                              char* const* daemons, bool keep);

// Who is served, in both families of names: PROTO, TCPLOCALIP, TCPREMOTEIP, ... (UCSPI) and
// REMOTE_ADDR, SERVER_ADDR, ... (CGI, systemd.exec(5)). IPv4 clients of a dual-stack socket appear
// as IPv4. For unix sockets PROTO=UNIX, UNIXLOCALPATH, and REMOTE_ADDR where the peer has a name,
// which is escaped as in the log if it is an abstract one.
[[nodiscard]] Environment peer_environment(const SocketAddress& peer, const SocketAddress& local,
                                           int protocol);

} // namespace inetd
