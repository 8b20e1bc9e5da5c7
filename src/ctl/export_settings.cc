#include "ctl/export_settings.h"

#include "base/cidr.h"
#include "ctl/export_systemd.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace inetd::ctl {

using nlohmann::json;

ExportedSettings::ExportedSettings(const json& service) : service_(service) {}

const json& ExportedSettings::get(const std::string& key) {
    static const json kNone;
    asked_.insert(key);
    const json& settings = service_.at("settings");
    const auto at = settings.find(key);
    return at == settings.end() ? kNone : *at;
}

bool ExportedSettings::is_true(const std::string& key) {
    return get(key) == true;
}

long ExportedSettings::number(const std::string& key, long otherwise) {
    const json& value = get(key);
    return value.is_number_integer() ? value.get<long>() : otherwise;
}

std::string ExportedSettings::text(const std::string& key) {
    const json& value = get(key);
    if (value.is_string()) return value.get<std::string>();
    return value.is_number() ? value.dump() : std::string();
}

std::vector<std::string> ExportedSettings::list(const std::string& key) {
    std::vector<std::string> items;
    const json& value = get(key);
    for (const json& item : value.is_array() ? value : json::array())
        items.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    return items;
}

bool ExportedSettings::is_usual(const std::string& key) const {
    const json& origins = service_.at("origins");
    const auto at = origins.find(key);
    return at == origins.end() || at->at("from") == "built-in";
}

std::vector<std::string> ExportedSettings::rest() const {
    std::vector<std::string> left;
    for (const auto& [key, value] : service_.at("settings").items())
        if (!asked_.contains(key) && !is_usual(key) && !value.is_null())
            left.push_back(fmt::format("{} = {}", key, value.dump()));
    return left;
}

namespace {

// Lines "Key=value".
class Lines {
  public:
    void add(const std::string& key, const std::string& value) {
        if (!value.empty()) text_ += fmt::format("{}={}\n", key, value);
    }
    // Takes back what is usual.
    void reset(const char* key) { text_ += fmt::format("{}=\n", key); }
    void flag(const char* key, bool value) {
        if (value) add(key, "yes");
    }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

// "8m" of inetd.cfg is "8M" here, "unlimited" is "infinity".
std::string amount(std::string text) {
    if (text == "unlimited") return "infinity";
    if (!text.empty())
        text.back() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.back())));
    return text;
}

std::string nonzero(const std::string& text) {
    return text == "0" ? std::string() : text;
}

std::string percents_doubled(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == '%' ? "%%" : std::string(1, c);
    return out;
}

void add_limits(ExportedSettings& settings, bool accept, Lines& lines,
                std::vector<std::string>& notes) {
    const long instances = settings.number("instances", 0);
    if (accept) {
        // Without a word systemd takes 64.
        lines.add("MaxConnections", std::to_string(instances == 0 ? 1'000'000'000 : instances));
        const long per_source = settings.number("per_source", 0);
        if (per_source != 0) lines.add("MaxConnectionsPerSource", std::to_string(per_source));
        if (settings.text("overflow") == "queue" && !settings.is_usual("instances"))
            notes.emplace_back("overflow: who comes beyond MaxConnections is refused and does not "
                               "wait");
    }
    // Without it a burst of clients would make the unit fail for good.
    lines.add("TriggerLimitIntervalSec", "0");
    const std::string rate = nonzero(settings.text("rate"));
    if (rate.empty()) return;
    const auto slash = rate.find('/');
    const std::string unit = rate.substr(slash + 1, rate.find(' ') - slash - 1);
    lines.add("PollLimitIntervalSec", "1" + unit);
    lines.add("PollLimitBurst", rate.substr(0, slash));
    notes.emplace_back("rate: needs systemd 255");
}

bool is_network(const std::string& text) {
    return Cidr::parse(text).has_value();
}

void add_sources(ExportedSettings& settings, Lines& lines, std::vector<std::string>& notes) {
    for (const char* key : {"only_from", "no_access"}) {
        const std::vector<std::string> entries = settings.list(key);
        if (entries.empty()) continue;
        const bool only = std::string_view(key) == "only_from";
        for (const std::string& entry : entries) {
            if (is_network(entry))
                lines.add(only ? "IPAddressAllow" : "IPAddressDeny", entry);
            else
                notes.push_back(fmt::format("{}: {}: networks only", key, entry));
        }
        if (only) lines.add("IPAddressDeny", "any");
        if (!only && !settings.list("only_from").empty())
            notes.emplace_back("no_access: who is in only_from as well comes in");
    }
}

std::string joined(const std::vector<std::string>& words) {
    std::vector<std::string> quoted;
    quoted.reserve(words.size());
    for (const std::string& word : words)
        quoted.push_back(unit_word(word));
    return fmt::format("{}", fmt::join(quoted, " "));
}

void add_errors(ExportedSettings& settings, Lines& lines, std::vector<std::string>& notes) {
    const std::string errors = settings.text("stderr");
    if (errors.starts_with('/'))
        lines.add("StandardError", "append:" + percents_doubled(errors));
    else if (errors == "log")
        lines.add("StandardError", "journal");
    else
        lines.add("StandardError", errors);
    if (errors == "log") notes.emplace_back("stderr: the log is the journal");
}

void add_rights(ExportedSettings& settings, Lines& lines) {
    lines.flag("NoNewPrivileges", settings.is_true("no_new_privileges"));
    lines.flag("PrivateNetwork", settings.is_true("private_network"));
    if (!settings.get("capabilities").is_array()) return;
    std::string names;
    for (std::string name : settings.list("capabilities")) {
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        names += (names.empty() ? "" : " ") + name;
    }
    lines.reset("CapabilityBoundingSet");
    lines.add("CapabilityBoundingSet", names);
    lines.add("AmbientCapabilities", names);
}

void add_resources(ExportedSettings& settings, bool accept, Lines& lines,
                   std::vector<std::string>& notes) {
    const json& said = settings.get("rlimits");
    const json limits = said.is_object() ? said : json::object();
    for (const auto& [name, value] : limits.items()) {
        std::string upper = name;
        std::transform(upper.begin(), upper.end(), upper.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        const auto colon = text.find(':');
        std::string limit = amount(text.substr(0, colon));
        if (colon != std::string::npos) limit += ":" + amount(text.substr(colon + 1));
        lines.add("Limit" + upper, limit);
    }
    static constexpr std::array<std::array<const char*, 2>, 7> kGroup{
        {{"memory_max", "MemoryMax"},
         {"memory_high", "MemoryHigh"},
         {"memory_swap_max", "MemorySwapMax"},
         {"tasks_max", "TasksMax"},
         {"cpu_max", "CPUQuota"},
         {"cpu_weight", "CPUWeight"},
         {"io_weight", "IOWeight"}}};
    const json& group = settings.get("cgroup");
    for (const auto& [ours, theirs] : kGroup) {
        if (!group.is_object() || !group.contains(ours)) continue;
        const json& value = group.at(ours);
        lines.add(theirs, value.is_string() ? amount(value.get<std::string>()) : value.dump());
        if (accept)
            notes.push_back(fmt::format("cgroup: {} is for each connection: a slice would bound "
                                        "them together",
                                        ours));
    }
    if (group.is_object() && group.contains("set"))
        notes.push_back("cgroup: no counterpart: set = " + group.at("set").dump());
}

void add_ionice(ExportedSettings& settings, Lines& lines) {
    const std::string text = settings.text("ionice");
    if (text.empty()) return;
    lines.add("IOSchedulingClass", text.substr(0, text.find(':')));
    if (text.find(':') != std::string::npos)
        lines.add("IOSchedulingPriority", text.substr(text.find(':') + 1));
}

} // namespace

std::string socket_lines(ExportedSettings& settings, bool accept, std::vector<std::string>& notes) {
    Lines lines;
    add_limits(settings, accept, lines, notes);
    add_sources(settings, lines, notes);
    lines.add("Backlog", nonzero(settings.text("backlog")));
    lines.add("SendBuffer", nonzero(settings.text("send_buffer")));
    lines.add("ReceiveBuffer", nonzero(settings.text("receive_buffer")));
    lines.flag("KeepAlive", settings.is_true("keepalive"));
    lines.flag("NoDelay", settings.is_true("nodelay"));
    lines.flag("ReusePort", settings.is_true("reuse_port"));
    lines.flag("FreeBind", settings.is_true("freebind"));
    lines.add("BindToDevice", settings.text("bind_to_device"));
    lines.add("DeferAcceptSec", nonzero(settings.text("defer_accept")));
    lines.add("IPTOS", nonzero(settings.text("tos")));
    lines.add("Mark", nonzero(settings.text("mark")));
    lines.add("SocketUser", settings.text("socket_user"));
    lines.add("SocketGroup", settings.text("socket_group"));
    const std::string mode = settings.text("socket_mode");
    lines.add("SocketMode", mode == "0666" ? "" : mode);
    return lines.text();
}

std::string service_lines(ExportedSettings& settings, bool accept,
                          std::vector<std::string>& notes) {
    Lines lines;
    add_errors(settings, lines, notes);
    lines.add("Environment", joined(settings.list("env")));
    lines.add("PassEnvironment", fmt::format("{}", fmt::join(settings.list("pass_env"), " ")));
    lines.add("WorkingDirectory", percents_doubled(settings.text("directory")));
    lines.add("RootDirectory", percents_doubled(settings.text("chroot")));
    lines.add("UMask", settings.text("umask"));
    lines.add("Nice", settings.text("nice"));
    if (settings.get("groups").is_array() && !settings.list("groups").empty()) {
        lines.add("SupplementaryGroups",
                  fmt::format("{}", fmt::join(settings.list("groups"), " ")));
        notes.emplace_back("groups: those of the user's own come with them");
    } else if (settings.get("groups").is_array()) {
        notes.emplace_back("groups: the user's own cannot be taken away");
    }
    add_ionice(settings, lines);
    add_rights(settings, lines);
    add_resources(settings, accept, lines, notes);
    const std::string most = nonzero(settings.text("session_timeout"));
    if (accept) lines.add("RuntimeMaxSec", most);
    return lines.text();
}

} // namespace inetd::ctl
