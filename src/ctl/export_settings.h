#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace inetd::ctl {

// The settings of one service on their way into units. What is asked for counts as said; of the
// rest, what somebody has written down is listed.
class ExportedSettings {
  public:
    explicit ExportedSettings(const nlohmann::json& service);

    // Null if it has no effect on the service or no value.
    [[nodiscard]] const nlohmann::json& get(const std::string& key);
    [[nodiscard]] bool is_true(const std::string& key);
    [[nodiscard]] long number(const std::string& key, long otherwise);
    [[nodiscard]] std::string text(const std::string& key); // strings and numbers; else empty
    [[nodiscard]] std::vector<std::string> list(const std::string& key);
    // Whether the value is nobody's but the daemon's.
    [[nodiscard]] bool is_usual(const std::string& key) const;
    // "key = value" of what nobody has asked for.
    [[nodiscard]] std::vector<std::string> rest() const;

  private:
    const nlohmann::json& service_;
    std::set<std::string> asked_;
};

// Lines of [Socket] and of [Service]; what they do not say in full is added to `notes`.
[[nodiscard]] std::string socket_lines(ExportedSettings& settings, bool accept,
                                       std::vector<std::string>& notes);
[[nodiscard]] std::string service_lines(ExportedSettings& settings, bool accept,
                                        std::vector<std::string>& notes);

} // namespace inetd::ctl
