#include "log/recent.h"

#include "base/clock.h"

namespace inetd::log {

void Recent::write(const Entry& entry) {
    lines_.push_back(
        {Clock::wall(), entry.level, std::string(entry.about.service), std::string(entry.text)});
    bytes_ += size_of(lines_.back());
    while (bytes_ > most_bytes_ && lines_.size() > 1) {
        bytes_ -= size_of(lines_.front());
        lines_.pop_front();
    }
    if (listener_) listener_(lines_.back());
}

} // namespace inetd::log
