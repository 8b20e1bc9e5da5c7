#include "config/columns.h"

#include "base/text.h"

#include <fmt/core.h>
#include <limits>
#include <string_view>

namespace inetd {

static bool fail(const Source& source, Position at, std::string text, std::string hint = {}) {
    source.error(at, std::move(text), std::move(hint));
    return false;
}

struct TypeName {
    std::string_view name;
    std::int16_t type;
};
static constexpr TypeName kTypes[] = {{"stream", SOCK_STREAM},
                                      {"dgram", SOCK_DGRAM},
                                      {"seqpacket", SOCK_SEQPACKET},
                                      {"raw", SOCK_RAW}};

bool names_type(std::string_view word) {
    for (const TypeName& known : kTypes)
        if (word == known.name) return true;
    return word == "rdm";
}

static bool read_count(const Source& source, const Token& token, std::string_view what,
                       std::optional<std::uint32_t>& count) {
    count = to_number<std::uint32_t>(token.text, 0, std::numeric_limits<std::uint32_t>::max());
    if (count) return true;
    if (token.text.empty())
        return fail(source, token.at, fmt::format("the number for {} is missing", what),
                    "0 stands for no limit");
    return fail(source, token.at,
                fmt::format("{} is not a number for {}", quoted(token.text), what),
                "write a whole number; 0 stands for no limit");
}

static void warn_accept_filter(const Source& source, const Token& filter) {
    source.warning(filter.at, fmt::format("accept filter {} is ignored", quoted(filter.text)),
                   "Linux has no accept filters; 'defer_accept' in inetd.cfg comes nearest");
}

bool read_type(const Source& source, const Token& token, ServiceLine& line) {
    const auto end = token.text.find_first_of(",:");
    const std::string_view word = std::string_view(token.text).substr(0, end);
    bool good = true;
    for (const TypeName& known : kTypes)
        if (word == known.name) line.type = known.type;
    if (word == "rdm")
        good = fail(source, token.at, "no protocol of inetd has 'rdm' sockets",
                    "on Linux only TIPC has them; 'dgram' or 'seqpacket' may be what you need");
    else if (line.type == 0)
        good = fail(source, token.at, fmt::format("unknown socket type {}", quoted(word)),
                    suggestion(word, {"stream", "dgram", "seqpacket", "raw"},
                               "socket types are stream, dgram, seqpacket and raw"));
    if (end == std::string::npos) return good;

    Token rest = token.part(end);
    const auto filter = rest.text.find(':');
    if (filter != std::string::npos) {
        if (filter + 1 < rest.text.size()) warn_accept_filter(source, rest.part(filter + 1));
        rest = rest.part(0, filter);
    }
    if (rest.text.empty()) return good;
    return read_count(source, rest.part(1), "servers at once", line.instances) && good;
}

struct ProtocolName {
    std::string_view name;
    Transport transport;
};
static constexpr ProtocolName kProtocols[] = {
    {"tcp", Transport::tcp},     {"udp", Transport::udp},         {"sctp", Transport::sctp},
    {"mptcp", Transport::mptcp}, {"udplite", Transport::udplite}, {"unix", Transport::local},
    {"vsock", Transport::vsock},
};
struct FamilyName {
    std::string_view suffix;
    IpFamily family;
};
static constexpr FamilyName kFamilies[] = {{"", IpFamily::any},
                                           {"4", IpFamily::v4},
                                           {"6", IpFamily::v6},
                                           {"46", IpFamily::dual},
                                           {"6only", IpFamily::v6}}; // GNU inetutils

// "tcp6" as a protocol and a family; false if it is neither.
static bool match_protocol(std::string_view word, ServiceLine& line) {
    for (const ProtocolName& known : kProtocols) {
        if (!word.starts_with(known.name)) continue;
        for (const FamilyName& family : kFamilies) {
            if (word.substr(known.name.size()) != family.suffix) continue;
            line.transport = known.transport;
            line.family = family.family;
            return line.is_ip() || family.suffix.empty();
        }
    }
    return false;
}

bool names_protocol(std::string_view word) {
    ServiceLine line;
    return match_protocol(word, line);
}

static bool unknown_protocol(const Source& source, const Token& protocol) {
    const std::string& word = protocol.text;
    if (word.starts_with("rpc/"))
        return fail(source, protocol.at, "SunRPC services are not supported",
                    "start the server on its own; it registers itself with rpcbind(8)");
    if (word.find("faith") != std::string::npos || word.find("ttcp") != std::string::npos)
        return fail(source, protocol.at,
                    fmt::format("{} is a protocol of BSD that Linux does not have", quoted(word)),
                    "'tcp' or 'tcp6' may do");
    return fail(source, protocol.at, fmt::format("unknown protocol {}", quoted(word)),
                suggestion(word,
                           {"tcp", "tcp4", "tcp6", "tcp46", "udp", "udp4", "udp6", "udp46", "unix",
                            "sctp", "mptcp", "udplite", "vsock"},
                           "protocols are tcp and udp with 4, 6 or 46, unix, sctp, mptcp, udplite "
                           "and vsock"));
}

bool read_buffer(const Source& source, const Token& token, int& bytes) {
    std::string_view digits = token.text;
    int unit = 1;
    if (digits.ends_with('k') || digits.ends_with('K')) unit = 1024;
    if (digits.ends_with('m') || digits.ends_with('M')) unit = 1024 * 1024;
    if (unit > 1) digits.remove_suffix(1);
    // socket(7): the kernel doubles what it is given, in an int.
    const auto number = to_number(digits, 1, std::numeric_limits<int>::max() / 2 / unit);
    if (!number)
        return fail(source, token.at, fmt::format("{} is not a buffer's size", quoted(token.text)),
                    "write a number of bytes, or as in '64k' or '1m'; less than 1024m");
    bytes = *number * unit;
    return true;
}

static bool read_protocol_option(const Source& source, const Token& option, ServiceLine& line) {
    const auto equals = option.text.find('=');
    const std::string_view key = std::string_view(option.text).substr(0, equals);
    int* bytes = nullptr;
    if (key == "sndbuf") bytes = &line.send_buffer;
    if (key == "rcvbuf" || key == "recvbuf") bytes = &line.receive_buffer;
    if (bytes == nullptr || equals == std::string::npos)
        return fail(source, option.at, fmt::format("unknown suffix {}", quoted(option.text)),
                    suggestion(key, {"sndbuf", "rcvbuf"},
                               "a protocol takes ',sndbuf=SIZE' and ',rcvbuf=SIZE'"));
    return read_buffer(source, option.part(equals + 1), *bytes);
}

bool read_protocol(const Source& source, const Token& token, ServiceLine& line) {
    const auto comma = token.text.find(',');
    line.protocol = token.part(0, comma);
    bool good = true;
    if (line.type == SOCK_RAW)
        line.transport = Transport::raw; // any of protocols(5), which is not asked here
    else
        good = match_protocol(line.protocol.text, line) || unknown_protocol(source, line.protocol);
    if (comma == std::string::npos) return good;
    std::size_t at = comma + 1;
    for (const std::string_view piece : split(std::string_view(token.text).substr(at), ',')) {
        good = read_protocol_option(source, token.part(at, piece.size()), line) && good;
        at += piece.size() + 1;
    }
    return good;
}

// FreeBSD's "/max-child[/starts-per-minute-of-a-source[/max-child-of-a-source]]".
static bool read_slashes(const Source& source, const Token& token, ServiceLine& line) {
    const auto pieces = split(token.text, '/');
    if (pieces.size() > 3)
        return fail(source, token.at,
                    fmt::format("{} has more than three limits", quoted(token.text)),
                    "write '/max-child/starts-per-minute-and-source/max-child-per-source'");
    bool good = true;
    std::size_t at = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Token piece = token.part(at, pieces[i].size());
        at += pieces[i].size() + 1;
        std::optional<std::uint32_t> count;
        if (i == 0) good = read_count(source, piece, "servers at once", count) && good;
        if (i == 1)
            good = read_count(source, piece, "starts a minute for one source",
                              line.source_per_minute) &&
                   good;
        if (i == 2)
            good = read_count(source, piece, "servers at once for one source", line.per_source) &&
                   good;
        if (i > 0 || !count) continue;
        if (line.instances && *line.instances != *count) {
            source.warning(
                piece.at,
                fmt::format("this limit and the {} of the socket type differ", *line.instances),
                "the smaller one applies");
            // 0 is no limit, and so the larger.
            if (*count == 0 || (*line.instances != 0 && *line.instances < *count)) continue;
        }
        line.instances = count;
    }
    return good;
}

bool read_wait(const Source& source, const Token& token, ServiceLine& line) {
    const auto end = token.text.find_first_of(".:/");
    const std::string_view word = std::string_view(token.text).substr(0, end);
    bool good = true;
    line.wait = word == "wait";
    if (!line.wait && word != "nowait")
        good =
            fail(source, token.at, fmt::format("{} is neither 'wait' nor 'nowait'", quoted(word)),
                 suggestion(word, {"wait", "nowait"}));
    if (end == std::string::npos) return good;
    const Token limits = token.part(end + 1);
    if (token.text[end] == '/') return read_slashes(source, limits, line) && good;
    return read_count(source, limits, "starts a minute", line.starts_per_minute) && good;
}

bool read_user(const Source& source, const Token& token, ServiceLine& line) {
    const auto slash = token.text.find('/');
    line.user = token.part(0, slash);
    const std::string& name = line.user.text;
    if (name.empty() || name.starts_with(':') || name.ends_with(':'))
        return fail(source, token.at, fmt::format("{} lacks a name", quoted(token.text)),
                    "write 'user', 'user.group' or 'user:group'");
    if (slash == std::string::npos) return true;
    source.warning(token.position(slash),
                   fmt::format("login class {} is ignored", quoted(token.text.substr(slash + 1))),
                   "Linux has no login classes; 'rlimits' in inetd.cfg sets limits");
    return true;
}

} // namespace inetd
