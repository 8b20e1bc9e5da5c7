#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inetd {

// The first line of a tcpmux connection (RFC 1078): a service's name, ended by CR LF or by a bare
// LF. Pure; what comes after the line is never taken, as it belongs to the service.
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
    [[nodiscard]] std::string_view text() const { return text_; }
    // Without the line's end; only once complete.
    [[nodiscard]] std::string_view name() const;

  private:
    std::string text_;
};

} // namespace inetd
