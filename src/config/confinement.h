#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What holds a server in: plain values, checked when they were loaded. A member that is empty asks
// for nothing.
// NOLINTBEGIN(modernize-use-nullptr,readability-implicit-bool-conversion): clang-tidy 14 takes the
// 0 that a defaulted <=> is compared with for something of ours.
namespace inetd {

// setrlimit(2); RLIM64_INFINITY is no limit.
struct ResourceLimit {
    int resource = 0; // RLIMIT_*
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;

    friend auto operator<=>(const ResourceLimit&, const ResourceLimit&) = default;
};

// Of ioprio_set(2): the classes, and where one stands in what it takes; below it is the level. Not
// from linux/ioprio.h, in which since Linux 6.1.192 a parameter has the name `class`.
inline constexpr int kIoClassShift = 13;
inline constexpr int kIoRealtime = 1;
inline constexpr int kIoBestEffort = 2;
inline constexpr int kIoIdle = 3;

// Capabilities of capabilities(7), by their bits.
struct CapabilitySet {
    std::uint64_t mask = 0;

    friend auto operator<=>(const CapabilitySet&, const CapabilitySet&) = default;
};

// What of the file system is left to a server: absolute paths, below its root directory.
struct PathRights {
    std::vector<std::string> read_only{}; // and to be executed
    std::vector<std::string> read_write{};

    [[nodiscard]] bool empty() const { return read_only.empty() && read_write.empty(); }
    friend auto operator<=>(const PathRights&, const PathRights&) = default;
};

// What is written into a file of a control group of version 2.
struct GroupSetting {
    std::string file; // "memory.max"
    std::string value;

    friend auto operator<=>(const GroupSetting&, const GroupSetting&) = default;
};

struct Confinement {
    std::vector<ResourceLimit> rlimits{};
    std::optional<int> io_priority{}; // the class << kIoClassShift | level

    std::string root{};           // absolute; empty = /
    bool private_network = false; // nothing but a loopback of its own, and the socket it is given
    bool no_new_privileges = false;
    std::optional<CapabilitySet>
        capabilities{}; // all that are left; nothing = as the user has them
    PathRights landlock{};
    std::vector<GroupSetting> cgroup{}; // of the group that all servers of the service are in

    friend auto operator<=>(const Confinement&, const Confinement&) = default;
};

} // namespace inetd
// NOLINTEND(modernize-use-nullptr,readability-implicit-bool-conversion)
