#include "ctl/text.h"

#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fmt/core.h>

namespace inetd::ctl {

// Whether this byte goes on with a character that has begun before it.
static bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length != 0 && is_printable(text.substr(0, length)))
            out += text.substr(0, length);
        else
            out += '?';
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    static constexpr std::string_view kLetters = "nrt0\\\"";
    static constexpr std::string_view kMeanings("\n\r\t\0\\\"", 6);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) return std::nullopt;
        if (const auto at = kLetters.find(text[i]); at != std::string_view::npos) {
            out += kMeanings[at];
            continue;
        }
        unsigned value = 0;
        const char* digits = text.data() + i + 1;
        if (text[i] != 'x' || text.size() - i < 3) return std::nullopt;
        if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return std::nullopt;
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    for (const char c : text)
        width += continues(c) ? 0U : 1U;
    return width;
}

std::string fitted(std::string_view text, std::size_t width) {
    if (width_of(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::size_t end = 0;
    for (std::size_t seen = 0; end < text.size(); ++end) {
        if (!continues(text[end]) && ++seen == width) break;
    }
    return std::string(text.substr(0, end)) + "…";
}

std::string duration_text(double seconds) {
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 60 * kMinute;
    constexpr std::int64_t kDay = 24 * kHour;
    const auto all = static_cast<std::int64_t>(std::max(seconds, 0.0));
    if (all < kMinute) return fmt::format("{} s", all);
    if (all < kHour) return fmt::format("{} min", all / kMinute);
    if (all < kDay) return fmt::format("{} h {} min", all / kHour, all % kHour / kMinute);
    return fmt::format("{} d {} h", all / kDay, all % kDay / kHour);
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array kUnits{"", "k", "M", "G", "T"};
    constexpr double kStep = 1024;
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (amount >= kStep && unit + 1 < kUnits.size()) {
        amount /= kStep;
        ++unit;
    }
    return unit == 0 ? fmt::format("{}", bytes) : fmt::format("{:.1f}{}", amount, kUnits[unit]);
}

double calendar_now() {
    using namespace std::chrono;
    const auto now = system_clock::now().time_since_epoch();
    return static_cast<double>(duration_cast<milliseconds>(now).count()) / 1000;
}

std::string time_text(double seconds_since_1970) {
    const auto time = static_cast<std::time_t>(seconds_since_1970);
    tm local{};
    std::array<char, 32> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", localtime_r(&time, &local));
    return {text.data(), size};
}

} // namespace inetd::ctl
