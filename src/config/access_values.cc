#include "config/access_values.h"

#include "base/text.h"
#include "config/accounts.h"
#include "config/source.h"
#include "config/value_error.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>

namespace inetd {

using Kind = AccessEntry::Kind;
using Found = Lookup<AccessEntry>;

static constexpr std::string_view kForms =
    R"(write an address or a network as in "192.0.2.0/24", a name as in "host.example.org", )"
    R"(".example.org", "uid:NAME", "gid:NAME" or "*")";

static Found problem(std::string text, std::string hint = std::string(kForms)) {
    return {.value = {}, .problem = std::move(text), .hint = std::move(hint)};
}

static Found entry(AccessEntry value) {
    return {.value = std::move(value), .problem = {}, .hint = {}};
}

// RFC 1123's letters, digits and hyphens, and the underscores that are in use.
static bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), [](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
           });
}

// In lower case and without the point of the root; empty if it is none. The last label of a name
// is never a number (RFC 3696), so that no mistyped address passes for one.
static std::string name_of(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.size() > 253) return {};
    const auto labels = split(text, '.');
    const bool number = labels.back().find_first_not_of("0123456789") == std::string_view::npos;
    if (number || !std::all_of(labels.begin(), labels.end(), is_label)) return {};
    std::string name(text);
    for (char& c : name)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

static Found find_id(const std::string& text, bool user) {
    const std::string name = text.substr(4);
    const auto found = user ? Accounts::find_user(name) : Accounts::find_group(name);
    if (!found.found()) return problem(found.problem, found.hint);
    return entry({.kind = user ? Kind::user : Kind::group, .text = text, .id = found.value});
}

static Found find_name(const std::string& text) {
    const bool domain = text.starts_with('.');
    std::string name = name_of(std::string_view(text).substr(domain ? 1 : 0));
    if (name == "all") return problem("'ALL' would be the name of a host", "did you mean '*'?");
    if (!name.empty())
        return entry(
            {.kind = domain ? Kind::domain : Kind::host, .text = text, .name = std::move(name)});
    const bool digits = text.find_first_not_of("0123456789.") == std::string::npos;
    if (digits && text.ends_with('.')) {
        const auto bytes = std::count(text.begin(), text.end(), '.');
        std::string whole = text.substr(0, text.size() - 1);
        for (auto i = bytes; i < 4; ++i)
            whole += ".0";
        if (Cidr::parse(whole))
            return problem(quoted(text) + " is the beginning of an address",
                           fmt::format("did you mean '{}/{}'?", whole, bytes * 8));
    }
    return problem(quoted(text) + " is nobody");
}

static Found find_entry(const std::string& text) {
    if (text == "*") return entry({.kind = Kind::everybody, .text = text});
    if (text.starts_with("uid:") || text.starts_with("gid:"))
        return find_id(text, text.starts_with("uid:"));
    if (const auto network = Cidr::parse(text))
        return entry({.kind = Kind::network, .text = text, .network = network});
    return find_name(text);
}

// xinetd.conf(5): there the zeros at the end of "192.0.2.0" stand for any number.
static void check_zeros(const Setting& setting, const AccessEntry& entry) {
    if (!entry.network || !entry.network->is_v4() || !entry.network->is_host() ||
        !entry.text.ends_with(".0"))
        return;
    std::string_view rest = entry.text;
    unsigned length = 32;
    while (rest.ends_with(".0")) {
        rest.remove_suffix(2);
        length -= 8;
    }
    if (rest == "0") length = 0;
    setting.warning(fmt::format("'{}': '{}' is one address", setting.name, entry.text),
                    fmt::format("for the network, write '{}/{}'", entry.text, length));
}

static std::optional<Value> read_clients(const Setting& setting) {
    const Setting::List* list = setting.list();
    if (list == nullptr)
        return wrong_value(setting, R"(a list of clients, as in ["192.0.2.0/24", ".example.org"])");
    auto entries = std::make_shared<std::vector<AccessEntry>>();
    entries->reserve(list->items.size());
    bool good = true;
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        Found found = text != nullptr ? find_entry(*text) : problem(shown(item) + " is nobody");
        if (found.found()) {
            check_zeros(setting, found.value);
            entries->push_back(std::move(found.value));
            continue;
        }
        setting.error(fmt::format("'{}': {}", setting.name, found.problem), found.hint);
        good = false;
    }
    if (!good) return std::nullopt;
    return AccessEntries(std::move(entries));
}

// "8:00" or "08:00", up to "24:00".
static std::optional<std::uint16_t> minutes_of(std::string_view text) {
    const auto parts = split(text, ':');
    if (parts.size() != 2 || parts[0].size() > 2 || parts[1].size() != 2) return std::nullopt;
    const auto hours = to_number<std::uint16_t>(parts[0], 0, 24);
    const auto minutes = to_number<std::uint16_t>(parts[1], 0, 59);
    if (!hours || !minutes || (*hours == 24 && *minutes != 0)) return std::nullopt;
    return static_cast<std::uint16_t>(*hours * 60 + *minutes);
}

static std::optional<DayTime> day_time_of(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto from = minutes_of(text.substr(0, dash));
    auto to = minutes_of(text.substr(dash + 1));
    if (!from || !to || *from == 24 * 60) return std::nullopt;
    if (*to == 0) to = 24 * 60;
    if (*from == *to) return std::nullopt;
    return DayTime{*from, *to};
}

static std::optional<Value> read_day_times(const Setting& setting) {
    static constexpr std::string_view kExpected =
        R"(a list of times of the day, as in ["08:00-18:00", "22:00-06:00"])";
    const Setting::List* list = setting.list();
    if (list == nullptr || list->items.empty()) return wrong_value(setting, kExpected);
    std::vector<DayTime> times;
    bool good = true;
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        const auto time = text != nullptr ? day_time_of(*text) : std::nullopt;
        if (time) times.push_back(*time);
        if (!time)
            setting.error(
                fmt::format("'{}': {} is not a time of the day", setting.name, shown(item)),
                R"(write it as in "08:00-18:00", or "22:00-06:00" over midnight)");
        good = good && time.has_value();
    }
    if (!good) return std::nullopt;
    return times;
}

static std::optional<Value> read_load(const Setting& setting) {
    constexpr double kMost = 1e6;
    double load = -1;
    if (const auto* number = std::get_if<std::int64_t>(&setting.value))
        load = static_cast<double>(*number);
    if (const auto* real = std::get_if<double>(&setting.value)) load = *real;
    if (!(load >= 0 && load <= kMost))
        return wrong_value(setting, "a load average, as in 4.0, or 0");
    return load;
}

static std::optional<Value> read_wrappers(const Setting& setting) {
    const bool* flag = std::get_if<bool>(&setting.value);
    if (flag == nullptr) return wrong_value(setting, "true or false");
#ifndef INETD_HAVE_LIBWRAP
    if (*flag) {
        setting.error(fmt::format("'{}': this inetd was built without libwrap", setting.name));
        return std::nullopt;
    }
#endif
    return *flag;
}

std::optional<Value> read_access_value(ValueKind kind, const Setting& setting) {
    switch (kind) {
    case ValueKind::visitors:
        return read_clients(setting);
    case ValueKind::day_times:
        return read_day_times(setting);
    case ValueKind::load:
        return read_load(setting);
    default:
        return read_wrappers(setting);
    }
}

static std::string clients_text(const AccessEntries& entries) {
    if (!entries) return {};
    std::vector<std::string> items;
    items.reserve(entries->size());
    for (const AccessEntry& entry : *entries)
        items.push_back(string_literal(entry.text));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

static std::string day_times_text(const std::vector<DayTime>& times) {
    if (times.empty()) return {};
    std::vector<std::string> items;
    items.reserve(times.size());
    for (const auto [from, to] : times)
        items.push_back(
            fmt::format("\"{:02}:{:02}-{:02}:{:02}\"", from / 60, from % 60, to / 60, to % 60));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string access_value_text(const Value& value) {
    if (const auto* clients = std::get_if<AccessEntries>(&value)) return clients_text(*clients);
    if (const auto* times = std::get_if<std::vector<DayTime>>(&value))
        return day_times_text(*times);
    if (const auto* load = std::get_if<double>(&value)) return fmt::format("{:.12g}", *load);
    return {};
}

} // namespace inetd
