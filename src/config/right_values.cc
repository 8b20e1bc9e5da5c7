#include "config/right_values.h"

#include "base/text.h"
#include "config/accounts.h"
#include "config/value_error.h"

#include <algorithm>
#include <fmt/format.h>

#ifdef INETD_HAVE_LIBCAP
#include <sys/capability.h>
#endif

namespace inetd {

static constexpr std::size_t kMostGroups = 65536; // NGROUPS_MAX

std::optional<Value> read_groups(const Setting& setting) {
    static constexpr std::string_view kExpected =
        R"(a list of names and numbers of groups, as in ("audio", 5))";
    const Setting::List* list = setting.list();
    if (list == nullptr || list->items.size() > kMostGroups) return wrong_value(setting, kExpected);
    std::vector<gid_t> groups;
    bool good = true;
    for (const Setting& item : list->items) {
        std::string name;
        if (const auto* number = std::get_if<std::int64_t>(&item.value))
            name = fmt::format("{}", *number);
        if (const auto* text = std::get_if<std::string>(&item.value)) name = *text;
        const auto found = Accounts::find_group(name);
        if (!found.found())
            setting.error(
                fmt::format("'{}': {}", setting.name,
                            name.empty() ? shown(item) + " is not a group" : found.problem),
                found.hint);
        good = good && found.found();
        if (std::find(groups.begin(), groups.end(), found.value) == groups.end())
            groups.push_back(found.value);
    }
    return good ? std::optional<Value>(std::move(groups)) : std::nullopt;
}

#ifdef INETD_HAVE_LIBCAP

// "cap_chown": what libcap calls it, or a number that it does not know yet.
static std::string capability_name(int number) {
    char* name = cap_to_name(number);
    std::string text = name != nullptr ? name : "";
    cap_free(name);
    return text;
}

static std::optional<Value> read_set(const Setting& setting) {
    const Setting::List* list = setting.list();
    if (list == nullptr)
        return wrong_value(setting, R"("inherit" or a list of strings, as in ["cap_net_raw"])");
    CapabilitySet set;
    bool good = true;
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        cap_value_t number = 0;
        if (text != nullptr && cap_from_name(text->c_str(), &number) == 0 &&
            number < cap_max_bits()) {
            set.mask |= std::uint64_t{1} << static_cast<unsigned>(number);
            continue;
        }
        std::vector<std::string> names;
        names.reserve(static_cast<std::size_t>(cap_max_bits()));
        for (int i = 0; i < cap_max_bits(); ++i)
            names.push_back(capability_name(i));
        setting.error(fmt::format("'{}': {} is not a capability", setting.name, shown(item)),
                      text == nullptr
                          ? ""
                          : suggestion(text->starts_with("cap_") ? *text : "cap_" + *text,
                                       {names.begin(), names.end()},
                                       "capabilities(7) has their names"));
        good = false;
    }
    return good ? std::optional<Value>(set) : std::nullopt;
}

std::string capabilities_text(CapabilitySet set) {
    std::vector<std::string> names;
    for (int i = 0; i < 64; ++i)
        if ((set.mask >> static_cast<unsigned>(i) & 1) != 0)
            names.push_back(fmt::format("\"{}\"", capability_name(i)));
    return fmt::format("[{}]", fmt::join(names, ", "));
}

#else

static std::optional<Value> read_set(const Setting& setting) {
    setting.error(fmt::format("'{}': this inetd was built without libcap", setting.name));
    return std::nullopt;
}

std::string capabilities_text(CapabilitySet) {
    return {};
}

#endif

std::optional<Value> read_capabilities(const Setting& setting) {
    const auto* word = std::get_if<std::string>(&setting.value);
    if (word != nullptr && *word == "inherit") return Value();
    return read_set(setting);
}

} // namespace inetd
