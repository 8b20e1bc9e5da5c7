#pragma once

#include "base/result.h"
#include "log/entry.h"

#include <fmt/core.h>
#include <memory>

// The only global of the program: where messages go. Only the wiring in server/ and main.cc logs;
// leaf code returns errors. A message is one line and begins with the service's name.
namespace inetd::log {

// What is left of the messages that could not be written at once.
enum class Rest { none, less, same };

class Sink {
  public:
    virtual ~Sink() = default;
    // Never waits for whoever reads the log.
    virtual void write(const Entry& entry) = 0;
    // Called once a round of the event loop: what write() held back is tried again. If some of it
    // is still here, this should be called again, and soon if it has become less.
    virtual Rest flush() = 0;
    // Called on SIGHUP: a file is opened anew, for whoever rotates logs.
    virtual Result<void> reopen() { return {}; }
};

// Messages below `level` in weight are dropped before they are formatted. The default: info.
void set_level(Level level);
bool enabled(Level level);

// The sink is standard error until this is called.
void set_sink(std::unique_ptr<Sink> replacement);
// Gets each message as the sink does; must outlive all messages, or be taken back by null.
class Recent;
void set_recent(Recent* recent);
Rest flush();
// Some was still here after the last flush(): who has more to say, and time, should wait.
bool is_behind();
// The same at the end of the program: waits a moment for what is held back.
void drain();
Result<void> reopen();

void write(const Entry& entry);

void vprint(Level level, const About& about, fmt::string_view format, fmt::format_args args);

template<typename... Args>
void print(Level level, const About& about, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(level)) vprint(level, about, format, fmt::make_format_args(args...));
}

template<typename... Args>
void print(Level level, fmt::format_string<Args...> format, Args&&... args) {
    print(level, About{}, format, std::forward<Args>(args)...);
}

// error("text {}", ...), or error({.event = Event::full, .service = name}, "text {}", ...).
template<typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::error, About{}, format, std::forward<Args>(args)...);
}
template<typename... Args>
void error(const About& about, fmt::format_string<Args...> format, Args&&... args) {
    print(Level::error, about, format, std::forward<Args>(args)...);
}
template<typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::warning, About{}, format, std::forward<Args>(args)...);
}
template<typename... Args>
void warning(const About& about, fmt::format_string<Args...> format, Args&&... args) {
    print(Level::warning, about, format, std::forward<Args>(args)...);
}
template<typename... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::notice, About{}, format, std::forward<Args>(args)...);
}
template<typename... Args>
void notice(const About& about, fmt::format_string<Args...> format, Args&&... args) {
    print(Level::notice, about, format, std::forward<Args>(args)...);
}
template<typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::info, About{}, format, std::forward<Args>(args)...);
}
template<typename... Args>
void info(const About& about, fmt::format_string<Args...> format, Args&&... args) {
    print(Level::info, about, format, std::forward<Args>(args)...);
}
template<typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    print(Level::debug, About{}, format, std::forward<Args>(args)...);
}

} // namespace inetd::log
