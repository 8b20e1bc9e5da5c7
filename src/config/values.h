#pragma once

#include "config/model.h"
#include "config/settings.h"
#include "config/words.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace inetd {

// What a key takes.
enum class ValueKind : std::uint8_t {
    flag,
    number,
    size,          // bytes
    mode,          // as of chmod(1)
    span,          // of time
    rate,          // Rate
    overflow,      // Overflow
    user,          // uid, looked up
    group,         // gid, looked up
    directory,     // an absolute path
    tree,          // an absolute path of a directory that exists
    assignments,   // NAME=VALUE...
    names,         // of environment variables
    interface,     // the name of a network interface, there or not; empty = none
    traffic_class, // the octet of the IP header
    word,          // of a list, or the path of a file
    rlimits,
    io_priority,
    groups, // gids, looked up
    capabilities,
    path_rights,
    group_settings,
    networks,      // Cidr...
    banner,        // a file, read
    success_words, // LogWords
    failure_words, // the same
    visitors,      // AccessEntries
    day_times,     // DayTime...
    load,          // a load average
    wrappers,      // a flag that may need a library
};

struct ValueType {
    ValueKind kind;
    std::int64_t least = 0; // of numbers; of spans in seconds
    std::int64_t most = 0;
    const Words* words = nullptr;
};

// Read and checked; nothing stands for "not set at all".
using Value =
    std::variant<std::monostate, bool, std::int64_t, std::chrono::milliseconds, Rate, Overflow,
                 std::string, std::vector<std::string>, std::vector<ResourceLimit>,
                 std::vector<gid_t>, CapabilitySet, PathRights, std::vector<GroupSetting>,
                 std::vector<Cidr>, std::shared_ptr<const Banner>, LogWords, AccessEntries,
                 std::vector<DayTime>, double>;

// Nothing, and reported, if the setting is not of the type.
[[nodiscard]] std::optional<Value> read_value(const ValueType& type, const Setting& setting);

// The value as the settings file would say it; empty if it cannot.
[[nodiscard]] std::string value_text(ValueKind kind, const Value& value);

} // namespace inetd
