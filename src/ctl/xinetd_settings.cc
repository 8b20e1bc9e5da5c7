#include "ctl/xinetd_settings.h"

#include "base/text.h"
#include "base/variables.h"
#include "ctl/imported_text.h"
#include "ctl/xinetd_access.h"
#include "ctl/xinetd_notes.h"
#include "ctl/xinetd_rlimits.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/core.h>
#include <optional>

namespace inetd::ctl {

namespace {

class Settings : XinetdNotes {
  public:
    Settings(const XinetdValues& values, ImportedService& service) : XinetdNotes(values, service) {}

    void add() {
        add_limits();
        add_banners();
        add_log();
        add_socket();
        add_surroundings();
        add_resources();
        note_the_rest();
    }

  private:
    void add_limits();
    void add_rate();
    void add_banners();
    void add_log();
    void add_words(const char* key, const std::vector<std::string_view>& known);
    void add_socket();
    void add_sensor();
    void add_surroundings();
    void add_environment();
    void add_resources();
    void note_the_rest();

    // The number of an attribute, or nothing, and said if it is none. UNLIMITED is 0.
    std::optional<std::uint64_t> number(std::string_view attribute);
};

std::optional<std::uint64_t> Settings::number(std::string_view attribute) {
    const std::string& word = values_.word(attribute);
    if (word.empty()) return std::nullopt;
    if (word == "UNLIMITED") return 0;
    const auto value = to_number<std::uint64_t>(word, 0, 1'000'000'000);
    if (!value) error(attribute, fmt::format("no number: {}", escaped(word)));
    return value;
}

void Settings::add_limits() {
    // xinetd forks nothing for these either, and counts nothing.
    if (is_internal() && !is_stream()) return;
    if (const auto count = number("instances")) {
        const bool none = *count == 0 && values_.word("instances") != "UNLIMITED";
        if (none) {
            service_.enabled = false;
            approximate("instances", "0 lets nobody in: switched off");
        } else if (!service_.wait) {
            service_.set("instances", std::to_string(*count));
        }
    }
    if (const auto count = number("per_source")) {
        if (service_.wait)
            missing("per_source", "the server of a 'wait' service takes the clients itself");
        else
            service_.set("per_source", std::to_string(*count));
    }
    add_rate();
    const bool limited = values_.find("instances") != nullptr || values_.find("cps") != nullptr;
    const bool behind_mux = service_.name.starts_with("tcpmux/");
    if (limited && !service_.wait && !behind_mux) service_.set("overflow", "\"refuse\"");
}

void Settings::add_rate() {
    const XinetdValue* cps = values_.find("cps");
    if (cps == nullptr) return;
    const auto count = to_number<std::uint32_t>(cps->words[0], 0, 1'000'000'000);
    const auto pause = to_number<std::uint32_t>(cps->words[1], 0, 1'000'000'000);
    if (!count || !pause) return error("cps", "not two numbers");
    if (*count == 0) return;
    service_.set("rate", string_literal(fmt::format("{}/s", *count)));
    approximate("cps", fmt::format("who comes beyond {} a second is refused, and nobody is for "
                                   "{} seconds after",
                                   *count, *pause));
}

void Settings::add_banners() {
    for (const char* key : {"banner", "banner_success", "banner_fail"}) {
        const std::string& file = values_.word(key);
        if (file.empty()) continue;
        if (service_.wait || !is_stream() || service_.name.starts_with("tcpmux/"))
            missing(key, "is for connections that inetd accepts");
        else
            service_.set(key, string_literal(file));
    }
}

void Settings::add_words(const char* key, const std::vector<std::string_view>& known) {
    const XinetdValue* value = values_.find(key);
    if (value == nullptr) return;
    std::vector<std::string> words;
    for (const std::string& word : value->words) {
        if (std::find(known.begin(), known.end(), word) == known.end())
            error(key, fmt::format("no such word: {}", escaped(word)));
        else if (word == "USERID" && (!is_stream() || service_.wait))
            missing(key, "USERID is for 'nowait' streams only, there as here");
        else
            words.push_back(word);
    }
    service_.set(key, cfg_list(words));
}

void Settings::add_log() {
    // What is not counted is not logged, and who is not seen is not refused.
    if (!is_internal() || is_stream())
        add_words("log_on_success", {"PID", "HOST", "USERID", "EXIT", "DURATION", "TRAFFIC"});
    if (is_internal() || !service_.wait || service_.type == "dgram")
        add_words("log_on_failure", {"HOST", "USERID", "ATTEMPT"});
    const XinetdValue* type = values_.find("log_type");
    if (type != nullptr && type->own)
        missing("log_type", "all services share one log: 'log_target' of 'daemon'");
}

void Settings::add_socket() {
    const bool tcp = service_.protocol.starts_with("tcp") && !service_.name.starts_with("tcpmux/");
    if (values_.holds("flags", "KEEPALIVE") && tcp) service_.set("keepalive", "true");
    if (values_.holds("flags", "NODELAY") && tcp) service_.set("nodelay", "true");
    if (values_.holds("flags", "SENSOR")) add_sensor();
}

void Settings::add_sensor() {
    const std::string& time = values_.word("deny_time");
    if (!is_stream())
        return missing("flags", "SENSOR: the source of a datagram can be forged, so it shuts "
                                "nobody out");
    if (time == "FOREVER") {
        service_.set("sensor", "\"365day\"");
        return approximate("deny_time", "FOREVER is a year, and until a restart");
    }
    if (time.empty() || time == "NEVER" || time == "0")
        return approximate("flags", "SENSOR: without a deny_time it only logs: log_on_success");
    if (const auto minutes = to_number<std::uint32_t>(time, 1, 365 * 24 * 60))
        service_.set("sensor", string_literal(fmt::format("{}min", *minutes)));
    else
        error("deny_time", fmt::format("no time: {}", escaped(time)));
}

void Settings::add_environment() {
    if (const XinetdValue* env = values_.find("env")) {
        std::vector<std::string> assignments;
        for (const std::string& word : env->words) {
            const std::string name = word.substr(0, word.find('='));
            if (word.find('=') == std::string::npos || !is_variable_name(name))
                error("env", fmt::format("not NAME=VALUE: {}", escaped(word)));
            else if (is_peer_variable(name) || is_supervisor_variable(name))
                missing("env", fmt::format("{} is inetd's own to set", name));
            else
                assignments.push_back(word);
        }
        if (!assignments.empty()) service_.set("env", cfg_list(assignments));
    }
    const XinetdValue* passed = values_.find("passenv");
    if (passed != nullptr && !passed->words.empty())
        service_.set("pass_env", cfg_list(passed->words));
}

void Settings::add_surroundings() {
    if (is_internal()) return;
    const std::string& nice = values_.word("nice");
    if (const auto value = to_number<int>(nice, -20, 19))
        service_.set("nice", std::to_string(*value));
    else if (!nice.empty())
        error("nice", fmt::format("not from -20 to 19: {}", escaped(nice)));
    const std::string& mask = values_.word("umask");
    if (mask.find_first_not_of("01234567") != std::string::npos || mask.size() > 4)
        error("umask", fmt::format("no octal mask: {}", escaped(mask)));
    else if (!mask.empty())
        service_.set("umask", fmt::format("\"{:0>4}\"", mask));
    // Without "groups = yes" xinetd leaves a server none but its own.
    if (values_.word("groups") != "yes") service_.set("groups", "()");
    add_environment();
}

void Settings::add_resources() {
    if (is_internal()) return;
    std::vector<std::string> bad;
    const std::string limits = xinetd_rlimits(values_, bad);
    for (const std::string& attribute : bad)
        error(attribute, fmt::format("no number: {}", escaped(values_.word(attribute))));
    if (!limits.empty()) service_.set("rlimits", limits);
}

void Settings::note_the_rest() {
    const XinetdValue* flags = values_.find("flags");
    static constexpr std::array<std::string_view, 8> kTaken{
        "NAMEINARGS", "KEEPALIVE", "NODELAY", "NOLIBWRAP", "SENSOR", "IPv4", "IPv6", "DISABLE"};
    for (const std::string& flag : flags == nullptr ? std::vector<std::string>() : flags->words) {
        if (std::find(kTaken.begin(), kTaken.end(), flag) != kTaken.end()) continue;
        if (flag == "REUSE" || flag == "NORETRY") continue; // as it is here in any case
        if (flag == "INTERCEPT")
            missing("flags", "INTERCEPT: what a 'wait' server takes is not looked at");
        else if (flag == "IDONLY")
            missing("flags", "IDONLY: nobody is refused for what ident says");
        else if (flag == "LABELED")
            missing("flags", "LABELED: servers do not get the SELinux context of the client");
        else if (flag == "REQUIRE_IPV6")
            missing("flags", "REQUIRE_IPV6: name an IPv6 address or the protocol tcp6");
        else
            error("flags", fmt::format("no such flag: {}", escaped(flag)));
    }
    if (values_.find("deny_time") != nullptr && !values_.holds("flags", "SENSOR"))
        error("deny_time", "is for sensors only");
    for (const char* attribute : {"rpc_version", "rpc_number"})
        if (values_.find(attribute) != nullptr) error(attribute, "is for the type RPC only");
    if (values_.find("mdns") != nullptr) missing("mdns", "services are not announced");
    if (const XinetdValue* id = values_.find("id"); id != nullptr && service_.name != id->word())
        missing("id", fmt::format("it is called {}/{} now", service_.name, service_.protocol));
}

} // namespace

void add_xinetd_settings(const XinetdValues& values, bool tcp_wrappers, ImportedService& service) {
    Settings(values, service).add();
    add_xinetd_access(values, tcp_wrappers, service);
}

} // namespace inetd::ctl
