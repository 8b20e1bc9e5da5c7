#include "config/diagnostic.h"

#include <algorithm>
#include <fmt/core.h>

namespace inetd {

// A line that no screen holds is shown around the column that matters.
static constexpr std::size_t kShown = 240;
static constexpr std::size_t kShownBefore = 160;

static bool inside_utf8(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// A control character would move the cursor of the terminal, and the caret away from its column.
static std::string printable(std::string_view text) {
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(),
        [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f'; },
        '?');
    return out;
}

static std::string excerpt(const std::string& source, int column) {
    std::size_t at = column > 0 ? static_cast<std::size_t>(column) - 1 : 0;
    at = std::min(at, source.size());
    std::size_t from = 0;
    if (source.size() > kShown && at > kShownBefore) from = at - kShownBefore;
    while (from > 0 && from < at && inside_utf8(source[from]))
        ++from;

    const std::string before = (from > 0 ? "..." : "") + printable(source.substr(from, at - from));
    const std::size_t rest = kShown - std::min(kShown, at - from);
    const bool cut = source.size() - at > rest;
    std::string out = before + printable(source.substr(at, rest)) + (cut ? "..." : "");
    if (column <= 0) return out;

    out += '\n';
    for (const char c : before)
        if (!inside_utf8(c)) out += c == '\t' ? '\t' : ' ';
    return out + '^';
}

std::string Diagnostic::headline() const {
    std::string where = file;
    if (line > 0) where += fmt::format(":{}", line);
    if (line > 0 && column > 0) where += fmt::format(":{}", column);
    return fmt::format("{}: {}: {}", where, severity == Severity::error ? "error" : "warning",
                       text);
}

std::string Diagnostic::full() const {
    std::string out = headline();
    if (line > 0 && !source.empty()) out += "\n" + excerpt(source, column);
    if (!hint.empty()) out += "\nhint: " + hint;
    return out;
}

bool has_errors(const Diagnostics& diagnostics) {
    return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
        return diagnostic.severity == Diagnostic::Severity::error;
    });
}

} // namespace inetd
