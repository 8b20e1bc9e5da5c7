#include "control/framer.h"

#include <utility>

namespace inetd::control {

void Framer::add(std::string_view bytes) {
    const std::size_t before = bytes_.size();
    bytes_ += bytes.substr(0, room());
    if (!has_next()) end_ = bytes_.find('\0', before);
}

std::optional<std::string> Framer::next() {
    if (!has_next()) return std::nullopt;
    std::string message = bytes_.substr(0, end_);
    bytes_.erase(0, end_ + 1);
    end_ = bytes_.find('\0');
    // Nobody who is silent between two calls is given room for the longest.
    if (bytes_.empty()) bytes_.shrink_to_fit();
    return message;
}

} // namespace inetd::control
