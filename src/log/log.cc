#include "log/log.h"

#include "log/sinks.h"

namespace inetd::log {

namespace {
Level threshold = Level::info;

std::unique_ptr<Sink>& sink() {
    static std::unique_ptr<Sink> instance = std::make_unique<StderrSink>();
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

void flush() {
    sink()->flush();
}

void reopen() {
    sink()->reopen();
}

void write(Level level, std::string_view message) {
    if (enabled(level)) sink()->write(level, message);
}

} // namespace inetd::log
