#include "config/group_values.h"

#include "base/text.h"
#include "config/amount.h"
#include "config/value_error.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace inetd {

// How a value is written here and in the file of the kernel (its cgroup-v2.rst).
enum class GroupUnit : std::uint8_t {
    bytes,   // or "max"
    count,   // or "max"
    weight,  // 1 to 10000
    percent, // of one processor; there a share of each period
};
struct GroupKey {
    std::string_view name;
    std::string_view file;
    GroupUnit unit;
    std::string_view prefix = {};
};
static constexpr std::array kKeys{
    GroupKey{"memory_max", "memory.max", GroupUnit::bytes},
    GroupKey{"memory_high", "memory.high", GroupUnit::bytes},
    GroupKey{"memory_swap_max", "memory.swap.max", GroupUnit::bytes},
    GroupKey{"tasks_max", "pids.max", GroupUnit::count},
    GroupKey{"cpu_max", "cpu.max", GroupUnit::percent},
    GroupKey{"cpu_weight", "cpu.weight", GroupUnit::weight},
    GroupKey{"io_weight", "io.weight", GroupUnit::weight, "default "},
};
static constexpr std::uint64_t kMostWeight = 10000;
static constexpr std::uint64_t kMostPercent = 1'000'000;
static constexpr std::uint64_t kPeriod = 100'000; // microseconds
static constexpr std::uint64_t kQuota = kPeriod / 100;

static std::string_view expected(GroupUnit unit) {
    switch (unit) {
    case GroupUnit::bytes:
        return R"(a number of bytes or "unlimited", as in 65536, "64m" or "2g")";
    case GroupUnit::count:
        return R"(a number or "unlimited")";
    case GroupUnit::weight:
        return "a number from 1 to 10000";
    case GroupUnit::percent:
        return R"(a part of one processor, as in "50%" or "200%")";
    }
    return {};
}

static std::string text_of(const Setting& setting) {
    if (const auto* number = std::get_if<std::int64_t>(&setting.value))
        return fmt::format("{}", *number);
    const auto* text = std::get_if<std::string>(&setting.value);
    return text != nullptr ? *text : std::string();
}

// What is written into the file, or nothing if the text is wrong.
static std::optional<std::string> kernel_text(const GroupKey& key, const std::string& text) {
    if (key.unit == GroupUnit::percent) {
        if (!text.ends_with('%')) return std::nullopt;
        const auto part = to_number<std::uint64_t>(
            std::string_view(text).substr(0, text.size() - 1), 1, kMostPercent);
        if (!part) return std::nullopt;
        return fmt::format("{} {}", *part * kQuota, kPeriod);
    }
    if (key.unit == GroupUnit::weight) {
        const auto weight = to_number<std::uint64_t>(text, 1, kMostWeight);
        if (!weight) return std::nullopt;
        return fmt::format("{}{}", key.prefix, *weight);
    }
    const auto amount = parse_amount(text, key.unit == GroupUnit::bytes);
    if (!amount) return std::nullopt;
    return *amount == kUnlimited ? "max" : fmt::format("{}", *amount);
}

// A file of a controller or a bound on what lies below: not one by which a group is ruled.
static bool is_group_file(std::string_view name) {
    const auto dot = name.find('.');
    if (dot == 0 || dot == std::string_view::npos) return false;
    if (name.starts_with("cgroup.") && !name.starts_with("cgroup.max.")) return false;
    return name.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") ==
           std::string_view::npos;
}

static bool read_files(const Setting& setting, std::vector<GroupSetting>& settings) {
    static constexpr std::string_view kExpected =
        R"(a list of strings, as in ["hugetlb.2MB.max=0"])";
    const Setting::List* list = setting.list();
    if (list == nullptr) {
        wrong_value(setting, kExpected);
        return false;
    }
    bool good = true;
    for (const Setting& item : list->items) {
        const std::string text = text_of(item);
        const auto equals = text.find('=');
        if (equals != std::string::npos && is_group_file(text.substr(0, equals)) &&
            equals + 1 < text.size()) {
            settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
            continue;
        }
        setting.error(fmt::format("'{}' takes {}; {} is none of these", setting.name, kExpected,
                                  shown(item)));
        good = false;
    }
    return good;
}

static bool read_member(const Setting& setting, const Setting& member,
                        std::vector<GroupSetting>& settings) {
    if (member.name == "set") return read_files(member, settings);
    std::vector<std::string_view> names{"set"};
    for (const GroupKey& key : kKeys) {
        names.push_back(key.name);
        if (key.name != member.name) continue;
        if (is_cut(member)) return false;
        auto text = kernel_text(key, text_of(member));
        if (text) settings.push_back({std::string(key.file), std::move(*text)});
        if (!text) wrong_value(member, expected(key.unit));
        return text.has_value();
    }
    unknown_member(setting, member, names);
    return false;
}

std::optional<Value> read_group_settings(const Setting& setting) {
    if (setting.group() == nullptr)
        return wrong_value(setting, R"(a group, as in { memory_max = "64m"; tasks_max = 20; })");
    std::vector<GroupSetting> settings;
    bool good = true;
    for (const Setting& member : setting.group()->members)
        good = read_member(setting, member, settings) && good;
    return good ? std::optional<Value>(std::move(settings)) : std::nullopt;
}

static std::string config_text(const GroupKey& key, const std::string& value) {
    if (value == "max") return "\"unlimited\"";
    if (key.unit == GroupUnit::weight) return value.substr(key.prefix.size());
    const auto number = parse_amount(value.substr(0, value.find(' ')), false).value_or(0);
    if (key.unit == GroupUnit::percent) return fmt::format("\"{}%\"", number / kQuota);
    return fmt::format("\"{}\"", amount_text(number, key.unit == GroupUnit::bytes));
}

std::string group_settings_text(const std::vector<GroupSetting>& settings) {
    std::string out = "{";
    std::vector<std::string> others;
    for (const GroupSetting& setting : settings) {
        const auto* key = std::find_if(kKeys.begin(), kKeys.end(), [&](const GroupKey& known) {
            return known.file == setting.file;
        });
        if (key == kKeys.end())
            others.push_back(string_literal(setting.file + "=" + setting.value));
        else
            out += fmt::format(" {} = {};", key->name, config_text(*key, setting.value));
    }
    if (!others.empty()) out += fmt::format(" set = [{}];", fmt::join(others, ", "));
    return out + " }";
}

} // namespace inetd
