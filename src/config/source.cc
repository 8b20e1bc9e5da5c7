#include "config/source.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace inetd {

static constexpr std::size_t kLongestQuote = 80;

Source::Source(std::string name, std::string text, Diagnostics& sink)
    : name_(std::move(name)), text_(std::move(text)), sink_(sink) {
    std::string_view rest = text_;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    int first_return = 0;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const bool dos = line.ends_with('\r');
        if (dos) line.remove_suffix(1);
        lines_.push_back(line);
        if (dos && first_return == 0) first_return = lines();
    }
    if (first_return > 0)
        warning({first_return, 0}, "lines end in carriage return and newline, as on DOS",
                "they are left out; to remove them: sed -i 's/\\r$//' FILE");
}

std::string_view Source::line(int number) const {
    if (number < 1 || number > lines()) return {};
    return lines_[static_cast<std::size_t>(number) - 1];
}

Diagnostic Source::diagnostic(Diagnostic::Severity severity, Position at, std::string text,
                              std::string hint) const {
    return {.severity = severity,
            .file = name_,
            .line = at.line,
            .column = at.column,
            .text = std::move(text),
            .source = std::string(line(at.line)),
            .hint = std::move(hint)};
}

void Source::error(Position at, std::string text, std::string hint) const {
    sink_.push_back(diagnostic(Diagnostic::Severity::error, at, std::move(text), std::move(hint)));
}

void Source::warning(Position at, std::string text, std::string hint) const {
    sink_.push_back(
        diagnostic(Diagnostic::Severity::warning, at, std::move(text), std::move(hint)));
}

std::string quoted(std::string_view text) {
    const bool cut = text.size() > kLongestQuote;
    return "'" + escaped(text.substr(0, kLongestQuote)) + (cut ? "...'" : "'");
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates,
                       std::string otherwise) {
    // Beyond the longest name there is, and quadratic to compare.
    if (word.size() > kLongestQuote) return otherwise;
    std::string lower(word);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto near = did_you_mean(lower, candidates);
    return near ? fmt::format("did you mean '{}'?", *near) : otherwise;
}

} // namespace inetd
