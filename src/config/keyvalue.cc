#include "base/text.h"
#include "config/columns.h"

#include <array>
#include <fmt/core.h>
#include <vector>

// NetBSD's second form of a service, read into the same ServiceLine as the columns are:
//
//     ftp on  bind = 127.0.0.1, protocol = tcp, user = ftp, exec = /usr/sbin/ftpd, args = ftpd -l;
namespace inetd {

static bool fail(const Source& source, Position at, std::string text, std::string hint = {}) {
    source.error(at, std::move(text), std::move(hint));
    return false;
}

static bool is_mark(const Token& token, char mark) {
    return token.verbatim && token.text.size() == 1 && token.text[0] == mark;
}

bool is_definition(const Line& tokens) {
    if (tokens.size() < 2) return false;
    const std::string_view word = tokens[1].text;
    // "off;" is a definition too, if a short one.
    return word == "on" || word == "off" || word.starts_with("on;") || word.starts_with("off;");
}

namespace {

struct Setting {
    Token key;
    std::vector<Token> values;
};

class Definition {
  public:
    explicit Definition(const Source& source) : source_(source) {}

    // Each false, and reported, if there is an error.
    bool name(const Token& service) { return read_service(source_, service, line_); }
    bool apply(const Setting& setting);
    bool finish();

    ServiceLine take() { return std::move(line_); }

  private:
    bool limit(const Setting& setting, std::optional<std::uint32_t>& count);
    bool infer();

    const Source& source_;
    ServiceLine line_;
    Token type_;
    Token protocol_;
    Token wait_;
    Token user_;
    Token group_;
};

} // namespace

static constexpr std::array<std::string_view, 16> kKeys = {
    "bind",   "socktype", "protocol", "acceptfilter", "sndbuf",     "recvbuf", "rcvbuf", "wait",
    "ip_max", "user",     "group",    "service_max",  "accept_max", "exec",    "args",   "ipsec"};

bool Definition::limit(const Setting& setting, std::optional<std::uint32_t>& count) {
    const Token& value = setting.values.front();
    count = to_number<std::uint32_t>(value.text, 0, UINT32_MAX);
    if (!count)
        return fail(source_, value.at, fmt::format("{} is not a number", quoted(value.text)));
    // There 0 is "never", in the columns of inetd.conf it is "without limit".
    if (*count == 0)
        return fail(source_, value.at,
                    fmt::format("'{} = 0' would never start it", setting.key.text),
                    "write 'off' for 'on', or leave the key out");
    return true;
}

bool Definition::apply(const Setting& setting) {
    const std::string& key = setting.key.text;
    const Token& value = setting.values.front();
    if (key == "args") {
        line_.arguments = setting.values;
        return true;
    }
    if (key == "acceptfilter" || key == "ipsec") {
        source_.warning(setting.key.at, fmt::format("'{}' is not applied", key),
                        key == "ipsec" ? "set policies with 'ip xfrm policy'; see ip-xfrm(8)"
                                       : "Linux has no accept filters; 'defer_accept' in inetd.cfg "
                                         "comes nearest");
        return true;
    }
    if (setting.values.size() > 1)
        return fail(source_, setting.values[1].at, fmt::format("'{}' takes one value", key),
                    "separate the keys by ','");
    if (key == "bind") return parse_hosts(source_, value, line_.hosts);
    if (key == "sndbuf") return read_buffer(source_, value, line_.send_buffer);
    if (key == "recvbuf" || key == "rcvbuf")
        return read_buffer(source_, value, line_.receive_buffer);
    if (key == "service_max") return limit(setting, line_.starts_per_minute);
    if (key == "ip_max") return limit(setting, line_.source_per_minute);
    if (key == "accept_max") return limit(setting, line_.instances);
    if (key == "socktype") type_ = value;
    if (key == "protocol") protocol_ = value;
    if (key == "wait") wait_ = value;
    if (key == "user") user_ = value;
    if (key == "group") group_ = value;
    if (key == "exec") line_.program = value;
    return true;
}

// Type and protocol each follow from the other, and 'wait' does for what is built in.
bool Definition::infer() {
    const bool path = line_.service.text.starts_with('/') || line_.service.text.starts_with('@');
    const Position at = line_.service.at;
    if (type_.text.empty() && protocol_.text.empty())
        return fail(source_, at, "neither 'socktype' nor 'protocol' is given");
    if (type_.text.empty())
        type_ = {.text = protocol_.text.starts_with("udp") ? "dgram" : "stream",
                 .at = protocol_.at};
    if (protocol_.text.empty())
        protocol_ = {.text = path ? "unix" : type_.text == "dgram" ? "udp" : "tcp", .at = type_.at};
    if (line_.program.text.empty()) line_.program = {.text = "internal", .at = at};
    if (wait_.text.empty() && !line_.internal())
        return fail(source_, at, "'wait' is not given", "add 'wait = yes' or 'wait = no'");
    if (wait_.text.empty()) wait_ = {.text = type_.text == "dgram" ? "yes" : "no", .at = at};
    if (user_.text.empty()) return fail(source_, at, "'user' is not given", "add 'user = NAME'");
    return true;
}

bool Definition::finish() {
    if (!infer()) return false;
    bool good = read_type(source_, type_, line_);
    good = read_protocol(source_, protocol_, line_) && good;
    good = read_user(source_, user_, line_) && good;
    if (!group_.text.empty()) line_.user.text += ":" + group_.text;
    line_.wait = wait_.text == "yes";
    if (wait_.text != "yes" && wait_.text != "no")
        good = fail(source_, wait_.at,
                    fmt::format("{} is neither 'yes' nor 'no'", quoted(wait_.text)));
    return good && check_line(source_, line_, wait_.at);
}

// Reads "key = value..." from `at` and leaves `at` behind the mark that ends it.
static bool read_setting(const Source& source, const Line& tokens, std::size_t& at,
                         Setting& setting) {
    setting.key = tokens[at++];
    const bool equals = at < tokens.size() && is_mark(tokens[at], '=');
    if (equals) ++at;
    while (at < tokens.size() && !is_mark(tokens[at], ',') && !is_mark(tokens[at], ';'))
        setting.values.push_back(tokens[at++]);
    if (at < tokens.size()) ++at;

    const std::string& key = setting.key.text;
    for (const std::string_view known : kKeys) {
        if (key != known) continue;
        if (!equals || setting.values.empty())
            return fail(source, setting.key.at, fmt::format("'{}' has no value", key),
                        fmt::format("write '{} = VALUE'", key));
        return true;
    }
    return fail(source, setting.key.at, fmt::format("unknown key {}", quoted(key)),
                suggestion(key, {kKeys.begin(), kKeys.end()}));
}

std::optional<ServiceLine> parse_definition(const Source& source, const Line& tokens) {
    const bool enabled = tokens[1].text == "on";
    Definition definition(source);
    bool good = definition.name(tokens[0]);
    std::vector<std::string> seen;
    std::size_t at = 2;
    while (at < tokens.size() && !is_mark(tokens[at], ';')) {
        Setting setting;
        if (!read_setting(source, tokens, at, setting)) {
            good = false;
            continue;
        }
        for (const std::string& key : seen)
            if (key == setting.key.text)
                good = fail(source, setting.key.at, fmt::format("'{}' is given twice", key));
        seen.push_back(setting.key.text);
        good = definition.apply(setting) && good;
        if (is_mark(tokens[at - 1], ';')) break;
    }
    // "ftp off;" says all that there is to say.
    if (enabled || !seen.empty()) good = definition.finish() && good;
    if (!good) return std::nullopt;
    ServiceLine line = definition.take();
    line.enabled = enabled;
    if (enabled) check_argv0(source, line);
    return line;
}

} // namespace inetd
