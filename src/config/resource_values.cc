#include "config/resource_values.h"

#include "base/text.h"
#include "config/amount.h"
#include "config/value_error.h"

#include <array>
#include <fmt/core.h>
#include <sys/resource.h>

namespace inetd {

struct Resource {
    std::string_view name;
    int number;
    bool bytes = false;
    std::uint64_t most = kUnlimited; // where the kernel knows a last one
};
// setrlimit(2); RLIMIT_NICE counts from 1 for a priority of 19 to 40 for -20.
static constexpr std::array kResources{
    Resource{"as", RLIMIT_AS, true},
    Resource{"core", RLIMIT_CORE, true},
    Resource{"cpu", RLIMIT_CPU},
    Resource{"data", RLIMIT_DATA, true},
    Resource{"fsize", RLIMIT_FSIZE, true},
    Resource{"locks", RLIMIT_LOCKS},
    Resource{"memlock", RLIMIT_MEMLOCK, true},
    Resource{"msgqueue", RLIMIT_MSGQUEUE, true},
    Resource{"nice", RLIMIT_NICE, false, 40},
    Resource{"nofile", RLIMIT_NOFILE},
    Resource{"nproc", RLIMIT_NPROC},
    Resource{"rss", RLIMIT_RSS, true},
    Resource{"rtprio", RLIMIT_RTPRIO, false, 99},
    Resource{"rttime", RLIMIT_RTTIME},
    Resource{"sigpending", RLIMIT_SIGPENDING},
    Resource{"stack", RLIMIT_STACK, true},
};

static std::string expected(const Resource& resource) {
    if (resource.most != kUnlimited)
        return fmt::format(R"(a number up to {}, or two as in "0:{}")", resource.most,
                           resource.most);
    if (resource.bytes) return R"(a number of bytes, "unlimited" or two of these, as in "8m:1g")";
    return R"(a number, "unlimited" or two of these, as in "100:200")";
}

static std::optional<ResourceLimit> read_limit(const Resource& resource, const Setting& setting) {
    if (is_cut(setting)) return std::nullopt;
    std::string text;
    if (const auto* number = std::get_if<std::int64_t>(&setting.value))
        text = fmt::format("{}", *number);
    if (const auto* string = std::get_if<std::string>(&setting.value)) text = *string;
    const auto parts = split(text, ':');
    const auto soft = parse_amount(parts.front(), resource.bytes);
    const auto hard = parse_amount(parts.back(), resource.bytes);
    const bool in_range = soft && hard && *soft <= resource.most && *hard <= resource.most;
    if (!in_range || parts.size() > 2) return wrong_value(setting, expected(resource));
    if (*soft <= *hard) return ResourceLimit{resource.number, *soft, *hard};
    setting.error(fmt::format("the soft limit of '{}' is above the hard one", setting.name));
    return std::nullopt;
}

std::optional<Value> read_rlimits(const Setting& setting) {
    if (setting.group() == nullptr)
        return wrong_value(setting, R"(a group, as in { nofile = 256; as = "1g"; })");
    std::vector<ResourceLimit> limits;
    bool good = true;
    for (const Setting& member : setting.group()->members) {
        const Resource* found = nullptr;
        std::vector<std::string_view> names;
        for (const Resource& resource : kResources) {
            names.push_back(resource.name);
            if (resource.name == member.name) found = &resource;
        }
        const auto limit = found != nullptr ? read_limit(*found, member) : std::nullopt;
        if (found == nullptr) unknown_member(setting, member, names);
        if (limit) limits.push_back(*limit);
        good = good && limit;
    }
    return good ? std::optional<Value>(std::move(limits)) : std::nullopt;
}

static const Resource& resource_of(int number) {
    for (const Resource& resource : kResources)
        if (resource.number == number) return resource;
    return kResources.front();
}

std::string_view rlimit_name(int resource) {
    return resource_of(resource).name;
}

std::string rlimits_text(const std::vector<ResourceLimit>& limits) {
    std::string out = "{";
    for (const ResourceLimit& limit : limits) {
        const Resource& resource = resource_of(limit.resource);
        out += fmt::format(" {} = \"{}", resource.name, amount_text(limit.soft, resource.bytes));
        if (limit.hard != limit.soft) out += ":" + amount_text(limit.hard, resource.bytes);
        out += "\";";
    }
    return out + " }";
}

struct IoClass {
    std::string_view name;
    int number;
    bool levels; // 0 to 7
};
static constexpr std::array kIoClasses{IoClass{"realtime", kIoRealtime, true},
                                       IoClass{"best-effort", kIoBestEffort, true},
                                       IoClass{"idle", kIoIdle, false}};
static constexpr int kUsualLevel = 4;

static constexpr int io_priority(int number, int level) {
    return number << kIoClassShift | level;
}

std::optional<Value> read_io_priority(const Setting& setting) {
    static constexpr std::string_view kExpected =
        R"("idle", or "best-effort" or "realtime" with a level from 0 to 7, as in "best-effort:7")";
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr) return wrong_value(setting, kExpected);
    const auto parts = split(*text, ':');
    std::vector<std::string_view> names;
    for (const IoClass& io : kIoClasses) {
        names.push_back(io.name);
        if (io.name != parts.front()) continue;
        if (parts.size() == 1)
            return std::int64_t{io_priority(io.number, io.levels ? kUsualLevel : 0)};
        const auto level = to_number(parts.back(), 0, 7);
        if (!io.levels || !level || parts.size() > 2) return wrong_value(setting, kExpected);
        return std::int64_t{io_priority(io.number, *level)};
    }
    return wrong_value(setting, kExpected, suggestion(std::string(parts.front()), names));
}

std::string io_priority_text(int priority) {
    for (const IoClass& io : kIoClasses) {
        if (io.number != priority >> kIoClassShift) continue;
        if (!io.levels) return fmt::format("\"{}\"", io.name);
        return fmt::format("\"{}:{}\"", io.name, priority & ((1 << kIoClassShift) - 1));
    }
    return {};
}

} // namespace inetd
