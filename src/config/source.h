#pragma once

#include "config/diagnostic.h"

#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// Where a character stands: line and column from 1, the column in bytes. 0 = unknown.
struct Position {
    int line = 0;
    int column = 0;
};

// A configuration text by its name. It turns what was found at a position into a Diagnostic.
class Source {
  public:
    // A byte order mark is left out, and so is the carriage return at the end of a line, for which
    // `sink` gets one warning. `sink` must outlive the Source.
    Source(std::string name, std::string text, Diagnostics& sink);
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] int lines() const { return static_cast<int>(lines_.size()); }
    // The line of that number, from 1, without its end.
    [[nodiscard]] std::string_view line(int number) const;

    void error(Position at, std::string text, std::string hint = {}) const;
    void warning(Position at, std::string text, std::string hint = {}) const;
    [[nodiscard]] Diagnostic diagnostic(Diagnostic::Severity severity, Position at,
                                        std::string text, std::string hint) const;

  private:
    std::string name_;
    std::string text_;
    std::vector<std::string_view> lines_;
    Diagnostics& sink_;
};

// Text of a file within a message: 'like this', harmless to a terminal, not longer than a line.
[[nodiscard]] std::string quoted(std::string_view text);

// "did you mean 'stream'?", or `otherwise` if no candidate is near. Takes 'STREAM' for 'stream'.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     const std::vector<std::string_view>& candidates,
                                     std::string otherwise = {});

} // namespace inetd
