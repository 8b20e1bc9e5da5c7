#include "ctl/systemd_limits.h"

#include "base/text.h"
#include "ctl/imported_text.h"
#include "ctl/systemd_service.h"
#include "ctl/text_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace inetd::ctl {

namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// A soft or a hard limit in the unit of rlimits of inetd.cfg(5).
std::optional<std::string> limit_value(const std::string& name, const std::string& text) {
    if (text == "infinity") return "unlimited";
    if (name == "CPU" || name == "RTTIME") {
        // A bare number is seconds for the one and microseconds for the other.
        if (const auto plain = to_number<std::uint64_t>(text, 0, UINT32_MAX))
            return std::to_string(*plain);
        const auto time = unit_time(text);
        if (!time) return std::nullopt;
        return std::to_string(name == "CPU" ? (time->count() + 999'999) / 1'000'000
                                            : time->count());
    }
    return unit_size(text);
}

void add_rlimits(UnitValues& values, ImportedService& model) {
    static constexpr std::array kNames{
        "CPU",   "FSIZE",   "DATA",  "STACK",      "CORE",     "RSS",  "NOFILE", "AS",
        "NPROC", "MEMLOCK", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
    std::string out;
    for (const std::string name : kNames) {
        const UnitSetting* setting = values.last("Limit" + name);
        if (setting == nullptr) continue;
        std::vector<std::string> parts;
        for (const std::string_view part : split(setting->value, ':')) {
            auto value = limit_value(name, std::string(part));
            if (value) parts.push_back(std::move(*value));
        }
        const auto wanted = split(setting->value, ':').size();
        if (parts.size() != wanted || wanted > 2) {
            note_missing(model, *setting, "cannot be understood: " + escaped(setting->value));
            continue;
        }
        out += fmt::format(" {} = \"{}\";", lower(name), fmt::join(parts, ":"));
    }
    if (!out.empty()) model.set("rlimits", fmt::format("{{{} }}", out));
}

void add_priorities(UnitValues& values, ImportedService& model) {
    if (const UnitSetting* nice = values.last("Nice"))
        model.set("nice", std::string(nice->value.substr(nice->value.starts_with('+') ? 1 : 0)));
    const std::string level = values.text("IOSchedulingPriority");
    std::string kind = lower(values.text("IOSchedulingClass"));
    if (kind == "1") kind = "realtime";
    if (kind == "2" || (kind.empty() && !level.empty())) kind = "best-effort";
    if (kind == "3") kind = "idle";
    if (kind.empty() || kind == "0" || kind == "none") return;
    const bool has_level = kind != "idle" && !level.empty();
    model.set("ionice", string_literal(has_level ? kind + ":" + level : kind));
}

std::vector<std::string> capability_names(const std::vector<const UnitSetting*>& settings) {
    std::vector<std::string> names;
    for (const UnitSetting* setting : settings)
        for (const std::string& word : words_of(setting->value))
            names.push_back(lower(word));
    return names;
}

void add_rights(UnitValues& values, ImportedService& model) {
    if (values.is_true("NoNewPrivileges")) model.set("no_new_privileges", "true");
    if (values.is_true("PrivateNetwork")) model.set("private_network", "true");
    const auto ambient = values.all("AmbientCapabilities");
    const auto bounding = values.all("CapabilityBoundingSet");
    const bool root = model.user == "root" || model.user.starts_with("root:");
    if (ambient.empty() && bounding.empty()) return;
    if (!root && ambient.empty())
        return note_missing(model, *bounding.back(),
                            "a user has no capabilities; against programs with more of them there "
                            "is no_new_privileges");
    const auto& chosen = root && !bounding.empty() ? bounding : ambient;
    if (chosen.back()->value.starts_with('~'))
        return note_missing(model, *chosen.back(), "name what is to be kept: capabilities");
    if (root && bounding.empty())
        return note_missing(model, *ambient.back(), "root has all capabilities in any case");
    model.set("capabilities", cfg_list(capability_names(chosen)));
    if (!root && !bounding.empty())
        note_approximate(model, *bounding.back(), "is what AmbientCapabilities says");
}

struct GroupKey {
    const char* unit;
    const char* ours;
    bool in_bytes;
};
constexpr std::array kGroupKeys{
    GroupKey{"MemoryMax", "memory_max", true},          GroupKey{"MemoryHigh", "memory_high", true},
    GroupKey{"MemorySwapMax", "memory_swap_max", true}, GroupKey{"CPUQuota", "cpu_max", false},
    GroupKey{"TasksMax", "tasks_max", false},           GroupKey{"CPUWeight", "cpu_weight", false},
    GroupKey{"IOWeight", "io_weight", false},
};

// As inetd.cfg(5) has it; nothing where it cannot.
std::optional<std::string> group_value(const GroupKey& key, const std::string& text) {
    if (std::string_view(key.ours) == "cpu_max")
        return text.ends_with('%') ? std::optional(string_literal(text)) : std::nullopt;
    if (key.in_bytes) {
        const auto size = unit_size(text);
        return size ? std::optional(string_literal(*size)) : std::nullopt;
    }
    if (!to_number<std::uint32_t>(text, 1, INT32_MAX)) return std::nullopt;
    return text;
}

void add_group(UnitValues& values, bool accept, ImportedService& model) {
    std::string out;
    for (const GroupKey& key : kGroupKeys) {
        const UnitSetting* setting = values.last(key.unit);
        if (setting == nullptr || setting->value == "infinity") continue;
        const auto value = group_value(key, setting->value);
        if (!value) {
            note_missing(model, *setting, "cannot be said in 'cgroup': " + escaped(setting->value));
            continue;
        }
        out += fmt::format(" {} = {};", key.ours, *value);
        if (accept) note_approximate(model, *setting, "is for all servers of the service together");
    }
    if (!out.empty()) model.set("cgroup", fmt::format("{{{} }}", out));
}

} // namespace

void add_unit_limits(UnitValues& values, bool accept, ImportedService& model) {
    add_rlimits(values, model);
    add_priorities(values, model);
    add_rights(values, model);
    add_group(values, accept, model);
}

} // namespace inetd::ctl
