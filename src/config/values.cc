#include "config/values.h"

#include "base/result.h"
#include "base/text.h"
#include "config/access_values.h"
#include "config/accounts.h"
#include "config/banner_values.h"
#include "config/group_values.h"
#include "config/log_values.h"
#include "config/network_values.h"
#include "config/path_values.h"
#include "config/rate.h"
#include "config/resource_values.h"
#include "config/right_values.h"
#include "config/rooted_path.h"
#include "config/socket_values.h"
#include "config/span_values.h"
#include "config/value_error.h"
#include "config/variable_values.h"

#include <algorithm>
#include <climits>
#include <fmt/core.h>

namespace inetd {

using std::chrono::milliseconds;
using Read = std::optional<Value>;

// "'instances' takes a whole number from 0 to 9, not "x"": the words between and the value.
static std::string expected(const ValueType& type) {
    switch (type.kind) {
    case ValueKind::flag:
        return "true or false";
    case ValueKind::number:
        return fmt::format("a whole number from {} to {}", type.least, type.most);
    case ValueKind::size:
        return R"(a number of bytes below 1 GiB, as in 65536, "64k" or "1m")";
    case ValueKind::mode:
        return R"(an octal mode up to 777, as in "0660")";
    case ValueKind::rate:
        return R"(a rate, as in "50/s", "300/min" or "10/h burst 20", or 0)";
    case ValueKind::overflow:
        return R"("queue" or "refuse")";
    case ValueKind::user:
        return "the name or the number of a user";
    case ValueKind::group:
        return "the name or the number of a group";
    case ValueKind::directory:
    case ValueKind::tree:
        return "the absolute path of a directory";
    case ValueKind::word:
        return std::string(type.words->text);
    case ValueKind::span:
    case ValueKind::interface:
    case ValueKind::traffic_class:
    case ValueKind::assignments:
    case ValueKind::names:
    case ValueKind::rlimits:
    case ValueKind::io_priority:
    case ValueKind::groups:
    case ValueKind::capabilities:
    case ValueKind::path_rights:
    case ValueKind::group_settings:
    case ValueKind::networks:
    case ValueKind::banner:
    case ValueKind::success_words:
    case ValueKind::failure_words:
    case ValueKind::visitors:
    case ValueKind::day_times:
    case ValueKind::load:
    case ValueKind::wrappers:
        break; // their readers say it
    }
    return {};
}

static Read wrong(const ValueType& type, const Setting& setting, std::string hint = {}) {
    return wrong_value(setting, expected(type), std::move(hint));
}

static Read read_number(const ValueType& type, const Setting& setting) {
    const auto* number = std::get_if<std::int64_t>(&setting.value);
    if (number == nullptr || *number < type.least || *number > type.most)
        return wrong(type, setting);
    return *number;
}

static Read read_size(const ValueType& type, const Setting& setting) {
    // socket(7): the kernel doubles what it is given, in an int.
    constexpr std::int64_t kMost = INT_MAX / 2;
    if (const auto* number = std::get_if<std::int64_t>(&setting.value))
        return *number >= 0 && *number <= kMost ? Read(*number) : wrong(type, setting);
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr) return wrong(type, setting);
    std::string_view digits = *text;
    std::int64_t unit = 1;
    if (digits.ends_with('k') || digits.ends_with('K')) unit = 1024;
    if (digits.ends_with('m') || digits.ends_with('M')) unit = std::int64_t{1024} * 1024;
    if (unit > 1) digits.remove_suffix(1);
    const auto number = to_number<std::int64_t>(digits, 0, kMost / unit);
    return number ? Read(*number * unit) : wrong(type, setting);
}

// libconfig reads 0660 as the decimal number 660: its digits are what was meant.
static Read read_mode(const ValueType& type, const Setting& setting) {
    std::string digits;
    if (const auto* text = std::get_if<std::string>(&setting.value)) digits = *text;
    if (const auto* number = std::get_if<std::int64_t>(&setting.value))
        digits = fmt::format("{}", *number);
    std::int64_t mode = 0;
    if (digits.empty() || digits.size() > 8) return wrong(type, setting);
    for (const char digit : digits) {
        if (digit < '0' || digit > '7') return wrong(type, setting);
        mode = mode * 8 + (digit - '0');
    }
    return mode <= 0777 ? Read(mode) : wrong(type, setting);
}

static Read read_rate(const ValueType& type, const Setting& setting) {
    if (const auto* number = std::get_if<std::int64_t>(&setting.value)) {
        if (*number == 0) return Rate{};
        return wrong(type, setting,
                     *number > 0 ? fmt::format(R"(write "{0}/min" or "{0}/s")", *number) : "");
    }
    const auto* text = std::get_if<std::string>(&setting.value);
    const auto rate = text != nullptr ? parse_rate(*text) : std::nullopt;
    return rate ? Read(*rate) : wrong(type, setting);
}

static Read read_overflow(const ValueType& type, const Setting& setting) {
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr) return wrong(type, setting);
    if (*text == "queue") return Overflow::queue;
    if (*text == "refuse") return Overflow::refuse;
    return wrong(type, setting, suggestion(*text, {"queue", "refuse"}));
}

// Whatever find_user() or find_group() tells of a name or a number.
static Read read_id(const ValueType& type, const Setting& setting) {
    std::string name;
    if (const auto* number = std::get_if<std::int64_t>(&setting.value))
        name = fmt::format("{}", *number);
    if (const auto* text = std::get_if<std::string>(&setting.value)) name = *text;
    if (name.empty()) return wrong(type, setting);
    const auto found =
        type.kind == ValueKind::user ? Accounts::find_user(name) : Accounts::find_group(name);
    if (found.found()) return std::int64_t{found.value};
    setting.error(fmt::format("'{}': {}", setting.name, found.problem), found.hint);
    return std::nullopt;
}

// Whether a directory exists may depend on another key.
static Read read_directory(const ValueType& type, const Setting& setting) {
    const auto* path = std::get_if<std::string>(&setting.value);
    if (path == nullptr || !path->starts_with('/')) return wrong(type, setting);
    const std::string problem =
        type.kind == ValueKind::tree ? directory_problem({}, *path) : std::string();
    if (problem.empty()) return *path;
    setting.error(fmt::format("'{}': {}", setting.name, problem));
    return std::nullopt;
}

static Read read_word(const ValueType& type, const Setting& setting) {
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr) return wrong(type, setting);
    if (type.words->contain(*text)) return *text;
    if (!type.words->or_file || !text->starts_with('/'))
        return wrong(type, setting, suggestion(*text, type.words->all()));
    const auto place = check_place(*text);
    if (place) return *text;
    setting.error(fmt::format("'{}': {}", setting.name, place.error().text()));
    return std::nullopt;
}

std::optional<Value> read_value(const ValueType& type, const Setting& setting) {
    if (is_cut(setting)) return std::nullopt;
    switch (type.kind) {
    case ValueKind::flag:
        if (const bool* flag = std::get_if<bool>(&setting.value)) return *flag;
        return wrong(type, setting);
    case ValueKind::number:
        return read_number(type, setting);
    case ValueKind::size:
        return read_size(type, setting);
    case ValueKind::mode:
        return read_mode(type, setting);
    case ValueKind::span:
        return read_span(type, setting);
    case ValueKind::rate:
        return read_rate(type, setting);
    case ValueKind::overflow:
        return read_overflow(type, setting);
    case ValueKind::user:
    case ValueKind::group:
        return read_id(type, setting);
    case ValueKind::directory:
    case ValueKind::tree:
        return read_directory(type, setting);
    case ValueKind::assignments:
    case ValueKind::names:
        return read_variables(setting, type.kind == ValueKind::assignments);
    case ValueKind::word:
        return read_word(type, setting);
    case ValueKind::interface:
        return read_interface(setting);
    case ValueKind::traffic_class:
        return read_traffic_class(setting);
    case ValueKind::rlimits:
        return read_rlimits(setting);
    case ValueKind::io_priority:
        return read_io_priority(setting);
    case ValueKind::groups:
        return read_groups(setting);
    case ValueKind::capabilities:
        return read_capabilities(setting);
    case ValueKind::path_rights:
        return read_path_rights(setting);
    case ValueKind::group_settings:
        return read_group_settings(setting);
    case ValueKind::networks:
        return read_networks(setting);
    case ValueKind::banner:
        return read_banner(setting);
    case ValueKind::success_words:
        return read_success_words(setting);
    case ValueKind::failure_words:
        return read_failure_words(setting);
    case ValueKind::visitors:
    case ValueKind::day_times:
    case ValueKind::load:
    case ValueKind::wrappers:
        return read_access_value(type.kind, setting);
    }
    return std::nullopt;
}

} // namespace inetd
