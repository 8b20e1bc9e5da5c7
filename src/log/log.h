#pragma once

#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>

// The only global of the program: where messages go. Only the wiring in server/ and main.cc logs;
// leaf code returns errors. A message is one line and begins with the service's name.
namespace inetd::log {

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 }; // as syslog(3)

class Sink {
  public:
    virtual ~Sink() = default;
    virtual void write(Level level, std::string_view message) = 0;
    // Called once a round of the event loop: what write() held back must go out now.
    virtual void flush() {}
    // Called on SIGHUP: a file is opened anew, for whoever rotates logs.
    virtual void reopen() {}
};

// Messages below `level` in weight are dropped before they are formatted. The default: info.
void set_level(Level level);
bool enabled(Level level);

// The sink is standard error until this is called.
void set_sink(std::unique_ptr<Sink> replacement);
void flush();
void reopen();

void write(Level level, std::string_view message);

template<typename... Args>
void print(Level level, fmt::format_string<Args...> format, Args&&... args) {
    if (!enabled(level)) return;
    fmt::memory_buffer buffer;
    fmt::format_to(std::back_inserter(buffer), format, std::forward<Args>(args)...);
    write(level, {buffer.data(), buffer.size()});
}

template<typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::error, format, std::forward<Args>(args)...);
}
template<typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::warning, format, std::forward<Args>(args)...);
}
template<typename... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::notice, format, std::forward<Args>(args)...);
}
template<typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::info, format, std::forward<Args>(args)...);
}
template<typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::debug, format, std::forward<Args>(args)...);
}

} // namespace inetd::log
