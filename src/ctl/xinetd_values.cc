#include "ctl/xinetd_values.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace inetd::ctl {

namespace {

// How many words an attribute takes, and whether the defaults may say it.
struct Rule {
    std::string_view name;
    int words; // -1 = any number
    bool in_defaults = false;
    bool is_set = false; // that "+=" and "-=" change
};

constexpr std::array kRules{
    Rule{"id", 1},
    Rule{"type", -1},
    Rule{"flags", -1},
    Rule{"disable", 1},
    Rule{"socket_type", 1},
    Rule{"protocol", 1},
    Rule{"wait", 1},
    Rule{"user", 1},
    Rule{"group", 1},
    Rule{"groups", 1, true},
    Rule{"instances", 1, true},
    Rule{"per_source", 1, true},
    Rule{"cps", 2, true},
    Rule{"max_load", 1, true},
    Rule{"nice", 1},
    Rule{"umask", 1, true},
    Rule{"server", 1},
    Rule{"server_args", -1},
    Rule{"env", -1, false, true},
    Rule{"passenv", -1, true, true},
    Rule{"port", 1},
    Rule{"redirect", 2},
    Rule{"bind", 1, true},
    Rule{"v6only", 1, true},
    Rule{"only_from", -1, true, true},
    Rule{"no_access", -1, true, true},
    Rule{"access_times", -1},
    Rule{"deny_time", 1},
    Rule{"banner", 1, true},
    Rule{"banner_success", 1, true},
    Rule{"banner_fail", 1, true},
    Rule{"log_type", -1, true},
    Rule{"log_on_success", -1, true, true},
    Rule{"log_on_failure", -1, true, true},
    Rule{"rpc_version", 1},
    Rule{"rpc_number", 1},
    Rule{"rlimit_as", 1},
    Rule{"rlimit_cpu", 1},
    Rule{"rlimit_data", 1},
    Rule{"rlimit_files", 1},
    Rule{"rlimit_rss", 1},
    Rule{"rlimit_stack", 1},
    Rule{"libwrap", 1},
    Rule{"mdns", 1},
};

std::string_view plain_name(std::string_view name) {
    return name == "interface" ? "bind" : name;
}

const Rule* rule_for(std::string_view name) {
    for (const Rule& rule : kRules)
        if (rule.name == plain_name(name)) return &rule;
    return nullptr;
}

// Why xinetd ignores it; empty if it does not.
std::string objection(const XinetdAttribute& said, const Rule* rule, bool own) {
    if (rule == nullptr) return "xinetd does not know this attribute";
    if (!own && !rule->in_defaults) return "xinetd does not take this in the defaults";
    if (said.op != '=' && !rule->is_set) return fmt::format("cannot be used with '{}='", said.op);
    if (said.op == '-' && said.name == "env") return "cannot be used with '-='";
    if (rule->words >= 0 && said.values.size() != static_cast<std::size_t>(rule->words))
        return fmt::format("takes {} value{}", rule->words, rule->words == 1 ? "" : "s");
    return {};
}

void change(std::vector<std::string>& set, char op, const std::vector<std::string>& words) {
    if (op == '=') set.clear();
    for (const std::string& word : words) {
        const auto at = std::find(set.begin(), set.end(), word);
        if (op != '-' && at == set.end()) set.push_back(word);
        if (op == '-' && at != set.end()) set.erase(at);
    }
}

} // namespace

const std::string& XinetdValue::word() const {
    static const std::string kNone;
    return words.empty() ? kNone : words.front();
}

void XinetdValues::apply(const XinetdAttribute& attribute, bool own, std::vector<Notice>& notices) {
    const Rule* rule = rule_for(attribute.name);
    std::string problem = objection(attribute, rule, own);
    const auto complain = [&](std::string text) {
        notices.push_back({Notice::Kind::error, attribute.file, attribute.line, attribute.name,
                           "ignored: " + std::move(text)});
    };
    if (!problem.empty()) return complain(std::move(problem));
    XinetdValue& value = values_[std::string(rule->name)];
    if (value.own && !rule->is_set) return complain("said before, and xinetd takes the first");
    if (rule->is_set) {
        // "The defaults" take "=" for "+=".
        change(value.words, own ? attribute.op : attribute.op == '-' ? '-' : '+', attribute.values);
    } else {
        value.words = attribute.values;
    }
    value.file = attribute.file;
    value.line = attribute.line;
    value.own = own;
}

XinetdValues::XinetdValues(const std::vector<XinetdAttribute>& defaults,
                           std::vector<Notice>& notices) {
    for (const XinetdAttribute& attribute : defaults)
        if (attribute.name != "disabled" && attribute.name != "enabled")
            apply(attribute, false, notices);
}

XinetdValues::XinetdValues(const std::vector<XinetdAttribute>& defaults, const XinetdEntry& entry,
                           std::vector<Notice>& notices) {
    std::vector<Notice> said_already;
    *this = XinetdValues(defaults, said_already);
    for (const XinetdAttribute& attribute : entry.attributes)
        apply(attribute, true, notices);
}

const XinetdValue* XinetdValues::find(std::string_view attribute) const {
    const auto at = values_.find(attribute);
    return at == values_.end() ? nullptr : &at->second;
}

bool XinetdValues::holds(std::string_view attribute, std::string_view word) const {
    const XinetdValue* value = find(attribute);
    return value != nullptr &&
           std::find(value->words.begin(), value->words.end(), word) != value->words.end();
}

const std::string& XinetdValues::word(std::string_view attribute) const {
    static const XinetdValue kNothing;
    const XinetdValue* value = find(attribute);
    return (value == nullptr ? kNothing : *value).word();
}

std::vector<std::string> listed(const std::vector<XinetdAttribute>& defaults,
                                std::string_view attribute) {
    std::vector<std::string> words;
    for (const XinetdAttribute& said : defaults)
        if (said.name == attribute)
            words.insert(words.end(), said.values.begin(), said.values.end());
    return words;
}

} // namespace inetd::ctl
