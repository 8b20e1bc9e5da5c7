#include "ctl/unit_values.h"

#include "base/text.h"
#include "ctl/text_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/core.h>

namespace inetd::ctl {

using std::chrono::microseconds;

UnitValues::UnitValues(const Unit& unit, std::string_view section) {
    for (const UnitSetting& setting : unit.settings)
        if (setting.section == section) settings_.push_back(&setting);
}

std::vector<const UnitSetting*> UnitValues::all(std::string_view key) {
    asked_.emplace(key);
    std::vector<const UnitSetting*> found;
    for (const UnitSetting* setting : settings_) {
        if (setting->key != key) continue;
        if (setting->value.empty())
            found.clear();
        else
            found.push_back(setting);
    }
    return found;
}

const UnitSetting* UnitValues::last(std::string_view key) {
    const auto found = all(key);
    return found.empty() ? nullptr : found.back();
}

std::string UnitValues::text(std::string_view key) {
    const UnitSetting* setting = last(key);
    return setting == nullptr ? std::string() : setting->value;
}

bool UnitValues::is_true(std::string_view key) {
    static constexpr std::array<std::string_view, 6> kTrue{"1", "yes", "y", "true", "t", "on"};
    std::string value = text(key);
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::find(kTrue.begin(), kTrue.end(), value) != kTrue.end();
}

bool UnitValues::has(std::string_view key) const {
    return std::any_of(settings_.begin(), settings_.end(),
                       [&](const UnitSetting* setting) { return setting->key == key; });
}

std::vector<const UnitSetting*> UnitValues::rest() const {
    std::vector<const UnitSetting*> left;
    for (const UnitSetting* setting : settings_)
        if (!asked_.contains(setting->key)) left.push_back(setting);
    return left;
}

namespace {

struct TimeUnit {
    std::string_view name;
    std::int64_t microseconds;
};
// systemd.time(7).
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::array kTimeUnits{TimeUnit{"us", 1},
                                TimeUnit{"usec", 1},
                                TimeUnit{"ms", 1000},
                                TimeUnit{"msec", 1000},
                                TimeUnit{"", kSecond},
                                TimeUnit{"s", kSecond},
                                TimeUnit{"sec", kSecond},
                                TimeUnit{"second", kSecond},
                                TimeUnit{"seconds", kSecond},
                                TimeUnit{"m", 60 * kSecond},
                                TimeUnit{"min", 60 * kSecond},
                                TimeUnit{"minute", 60 * kSecond},
                                TimeUnit{"minutes", 60 * kSecond},
                                TimeUnit{"h", 3600 * kSecond},
                                TimeUnit{"hr", 3600 * kSecond},
                                TimeUnit{"hour", 3600 * kSecond},
                                TimeUnit{"hours", 3600 * kSecond},
                                TimeUnit{"d", 86400 * kSecond},
                                TimeUnit{"day", 86400 * kSecond},
                                TimeUnit{"days", 86400 * kSecond},
                                TimeUnit{"w", 604800 * kSecond},
                                TimeUnit{"week", 604800 * kSecond},
                                TimeUnit{"weeks", 604800 * kSecond}};

std::string_view take_while(std::string_view& text, bool (*matches)(char)) {
    std::size_t size = 0;
    while (size < text.size() && matches(text[size]))
        ++size;
    const auto taken = text.substr(0, size);
    text.remove_prefix(size);
    return taken;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

} // namespace

std::optional<microseconds> unit_time(const std::string& text) {
    if (text == "infinity") return microseconds::max();
    std::string_view left = trimmed(text);
    if (left.empty()) return std::nullopt;
    std::int64_t sum = 0;
    while (!left.empty()) {
        const auto count = to_number<std::int64_t>(take_while(left, is_digit), 0, 1'000'000'000);
        if (!count) return std::nullopt;
        left = trimmed(left);
        const std::string_view name = take_while(left, is_letter);
        const auto* unit = std::find_if(kTimeUnits.begin(), kTimeUnits.end(),
                                        [&](const TimeUnit& one) { return one.name == name; });
        if (unit == kTimeUnits.end() || *count > INT64_MAX / 8 / unit->microseconds)
            return std::nullopt;
        sum += *count * unit->microseconds;
        if (sum > INT64_MAX / 4) return std::nullopt;
        left = trimmed(left);
    }
    return microseconds(sum);
}

std::optional<std::string> unit_size(const std::string& text) {
    if (text == "infinity") return "unlimited";
    std::string_view digits = text;
    std::string unit;
    if (!digits.empty() && std::string_view("KMGT").find(digits.back()) != std::string_view::npos) {
        unit = static_cast<char>(std::tolower(static_cast<unsigned char>(digits.back())));
        digits.remove_suffix(1);
    }
    const auto number = to_number<std::uint64_t>(digits, 0, UINT64_MAX / 2);
    if (!number) return std::nullopt;
    return fmt::format("{}{}", *number, unit);
}

} // namespace inetd::ctl
