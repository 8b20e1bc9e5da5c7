#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace inetd::control {

// Cuts a stream of bytes at its NULs, and never holds more than `most` of them.
class Framer {
  public:
    explicit Framer(std::size_t most) : most_(most) {}

    // How many bytes add() takes at present.
    [[nodiscard]] std::size_t room() const { return most_ - bytes_.size(); }
    void add(std::string_view bytes);

    // The next whole message, without its NUL.
    [[nodiscard]] std::optional<std::string> next();
    [[nodiscard]] bool has_next() const { return end_ != std::string::npos; }
    // There is no room for the rest of a message that has no end yet.
    [[nodiscard]] bool too_long() const { return room() == 0 && !has_next(); }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }

  private:
    std::size_t most_;
    std::string bytes_;
    std::size_t end_ = std::string::npos; // of the first message
};

} // namespace inetd::control
