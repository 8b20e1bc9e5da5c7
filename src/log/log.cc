#include "log/log.h"

#include "log/recent.h"
#include "log/stream_sink.h"

#include <iterator>
#include <poll.h>
#include <string>

namespace inetd::log {

namespace {
Level threshold = Level::info;
Recent* kept = nullptr;
Rest rest = Rest::none;

std::unique_ptr<Sink>& sink() {
    static std::unique_ptr<Sink> instance = std::make_unique<StreamSink>();
    return instance;
}
} // namespace

void set_level(Level level) {
    threshold = level;
}

bool enabled(Level level) {
    return level <= threshold;
}

void set_sink(std::unique_ptr<Sink> replacement) {
    sink()->flush();
    sink() = std::move(replacement);
}

Rest flush() {
    rest = sink()->flush();
    return rest;
}

bool is_behind() {
    return rest != Rest::none;
}

void drain() {
    constexpr int kAttempts = 20;
    constexpr int kPause = 10; // milliseconds
    for (int i = 0; i < kAttempts && sink()->flush() != Rest::none; ++i)
        poll(nullptr, 0, kPause);
}

Result<void> reopen() {
    return sink()->reopen();
}

void set_recent(Recent* recent) {
    kept = recent;
}

void vprint(Level level, const About& about, fmt::string_view format, fmt::format_args args) {
    static std::string text; // not made anew for each message
    text.clear();
    fmt::vformat_to(std::back_inserter(text), format, args);
    write({level, text, about});
}

void write(const Entry& entry) {
    if (!enabled(entry.level)) return;
    sink()->write(entry);
    if (kept != nullptr) kept->write(entry);
}

} // namespace inetd::log
