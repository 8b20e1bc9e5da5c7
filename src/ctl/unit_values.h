#pragma once

#include "ctl/unit_file.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace inetd::ctl {

// The settings of one section. What has been asked for counts as taken; what is left at the end has
// not been understood.
class UnitValues {
  public:
    UnitValues(const Unit& unit, std::string_view section);

    // The last one; null if there is none, or if that takes it back ("Key=").
    [[nodiscard]] const UnitSetting* last(std::string_view key);
    [[nodiscard]] std::string text(std::string_view key); // its value, or nothing
    // All since the last one that takes them back.
    [[nodiscard]] std::vector<const UnitSetting*> all(std::string_view key);
    // yes, true, on, 1 and so on.
    [[nodiscard]] bool is_true(std::string_view key);
    // Without asking.
    [[nodiscard]] bool has(std::string_view key) const;
    // What nobody has asked for.
    [[nodiscard]] std::vector<const UnitSetting*> rest() const;

  private:
    std::vector<const UnitSetting*> settings_;
    std::set<std::string, std::less<>> asked_;
};

// "90", "1min 30s", "infinity" (which is the largest there is).
[[nodiscard]] std::optional<std::chrono::microseconds> unit_time(const std::string& text);

// "64K", "1G", "infinity": as inetd.cfg(5) has it, "64k", "1g", "unlimited".
[[nodiscard]] std::optional<std::string> unit_size(const std::string& text);

} // namespace inetd::ctl
