#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace inetd {

// Cuts off the first line of a tcpmux connection (RFC 1078): a service's name, ended by CR LF or by
// a bare LF. Pure; what comes after the line is never taken, as it belongs to the service.
class MuxLine {
  public:
    static constexpr std::size_t kLongestName = 256;
    static constexpr std::size_t kLongest = kLongestName + 2;

    enum class State { more, complete, too_long };

    // How much of what waits to be read is certainly part of the line.
    [[nodiscard]] static std::size_t share_of(std::string_view waiting);

    // Adds bytes of which share_of() said that they belong to the line.
    State take(std::string_view bytes);

    // How many more bytes may come before the line is too long.
    [[nodiscard]] std::size_t room() const { return kLongest - text_.size(); }
    // With its end, once complete.
    [[nodiscard]] std::string_view text() const { return text_; }

  private:
    std::string text_;
};

// What such a line asks for.
struct MuxRequest {
    enum class Kind : std::uint8_t { service, help, bad };
    Kind kind = Kind::bad;
    std::string name{}; // of a service; is_mux_name()
};

// `line`: with its end; without one it is bad.
[[nodiscard]] MuxRequest parse_mux_line(std::string_view line);

// Whether a service may have this name: printable ASCII, not too much of it, and not HELP.
[[nodiscard]] bool is_mux_name(std::string_view name);
[[nodiscard]] bool is_mux_help(std::string_view name);

} // namespace inetd
