#include "config/line.h"

#include "base/text.h"
#include "config/columns.h"
#include "config/programs.h"

#include <fmt/format.h>

namespace inetd {

static constexpr std::string_view kColumns[] = {"service",     "socket type", "protocol",
                                                "wait column", "user",        "program"};
static constexpr std::size_t kColumnCount = std::size(kColumns);

static bool fail(const Source& source, Position at, std::string text, std::string hint = {}) {
    source.error(at, std::move(text), std::move(hint));
    return false;
}

static bool is_path(const ServiceLine& line) {
    return line.service.text.starts_with('/') || line.service.text.starts_with('@');
}

static bool check_address_family(const Source& source, const ServiceLine& line) {
    if (!line.mux_name.empty()) {
        if (line.transport == Transport::tcp && line.type == SOCK_STREAM) return true;
        return fail(source, line.protocol.at, "tcpmux serves nothing but 'stream tcp'");
    }
    if (is_path(line) && line.transport != Transport::local)
        return fail(source, line.protocol.at,
                    fmt::format("{} is a path, but {} has ports", quoted(line.service.text),
                                quoted(line.protocol.text)),
                    "write 'unix' as its protocol");
    if (!is_path(line) && line.transport == Transport::local)
        return fail(
            source, line.service.at,
            fmt::format("a unix socket has a path, which {} is not", quoted(line.service.text)),
            "write '/path', or '@name' for an abstract socket");
    return true;
}

// Which of socket(2)'s pairs of type and protocol Linux has.
static bool check_socket(const Source& source, const ServiceLine& line) {
    std::string_view types;
    switch (line.transport) {
    case Transport::tcp:
    case Transport::mptcp:
        types = "stream";
        break;
    case Transport::udp:
    case Transport::udplite:
        types = "dgram";
        break;
    case Transport::sctp:
    case Transport::vsock:
        types = "stream seqpacket";
        break;
    case Transport::local:
        types = "stream dgram seqpacket";
        break;
    case Transport::raw:
        return true;
    }
    const std::string_view type = line.type == SOCK_STREAM  ? "stream"
                                  : line.type == SOCK_DGRAM ? "dgram"
                                                            : "seqpacket";
    for (const std::string_view known : split(types, ' '))
        if (type == known) return true;
    std::string hint = fmt::format("the type of {} is '{}'", line.protocol.text,
                                   fmt::join(split(types, ' '), "' or '"));
    if (type == "dgram") hint += "; a datagram service is 'udp'";
    if (type == "stream" && types == "dgram") hint += "; a stream service is 'tcp'";
    return fail(source, line.protocol.at,
                fmt::format("{} has no {} sockets", quoted(line.protocol.text), type),
                std::move(hint));
}

static bool check_internal(const Source& source, const ServiceLine& line, Position wait_at) {
    if (!line.mux_name.empty())
        return fail(source, line.program.at, "a service of tcpmux cannot be built in",
                    "give the path of a program");
    if (line.type != SOCK_STREAM && line.type != SOCK_DGRAM)
        return fail(source, line.program.at, "built-in services are 'stream' or 'dgram'");
    if (line.type == SOCK_STREAM && line.wait)
        return fail(source, wait_at, "a built-in stream service cannot be 'wait'",
                    "write 'nowait'");
    return true;
}

static bool check_wait(const Source& source, const ServiceLine& line, Position at) {
    if (line.internal()) return check_internal(source, line, at);
    if (line.wait && !line.mux_name.empty())
        return fail(source, at, "a service of tcpmux cannot be 'wait'",
                    "it is given one connection, never the listening socket: write 'nowait'");
    if (!line.wait && line.type == SOCK_RAW)
        return fail(source, at, "a raw service cannot be 'nowait'",
                    "a raw socket accepts no connections: write 'wait'");
    if (!line.wait && line.type == SOCK_DGRAM && line.transport == Transport::local)
        return fail(source, at, "a unix datagram service cannot be 'nowait'",
                    "its clients mostly have no address to answer to: write 'wait'");
    if (line.wait && (line.source_per_minute.value_or(0) > 0 || line.per_source.value_or(0) > 0))
        source.warning(at, "limits for one source do not work with 'wait'",
                       "the server accepts its clients itself, so that inetd never sees them");
    return true;
}

bool check_line(const Source& source, const ServiceLine& line, Position wait_at) {
    bool good = check_address_family(source, line);
    good = good && check_socket(source, line);
    return check_wait(source, line, wait_at) && good;
}

// argv[0] may be any word, but what looks like an argument mostly is one: without its argv[0] the
// program never sees it.
void check_argv0(const Source& source, const ServiceLine& line) {
    if (line.internal() || line.arguments.empty()) return;
    const Token& first = line.arguments.front();
    const std::string& path = line.program.text;
    const std::string name = base_name(path);
    // tcpd(8) takes the server that it is to start as its own argv[0].
    const bool other_path =
        first.text.find('/') != std::string::npos && first.text != path && name != "tcpd";
    if (!first.text.starts_with('-') && first.text.find('=') == std::string::npos && !other_path)
        return;
    source.warning(first.at,
                   fmt::format("{} becomes argv[0], the name that the program is started by",
                               quoted(first.text)),
                   fmt::format("for an argument, write '{} {}'", name, first.text));
}

std::optional<ServiceLine> parse_line(const Source& source, const Line& tokens) {
    ServiceLine line;
    bool good = true;
    // Every column after it would be read as its neighbour.
    if (tokens.size() > 1 && tokens.front().text.ends_with(':')) {
        (void)read_service(source, tokens.front(), line);
        return std::nullopt;
    }
    using Reader = bool (*)(const Source&, const Token&, ServiceLine&);
    static constexpr Reader kReaders[] = {read_service, read_type, read_protocol, read_wait,
                                          read_user};
    for (std::size_t i = 0; i < std::size(kReaders) && i < tokens.size(); ++i)
        good = kReaders[i](source, tokens[i], line) && good;

    if (tokens.size() < kColumnCount) {
        const Token& last = tokens.back();
        source.error(last.position(last.text.size()),
                     fmt::format("the {} is missing", kColumns[tokens.size()]),
                     "a line is: service type protocol wait user program [argv0 argument...]");
        return std::nullopt;
    }
    line.program = tokens[kColumnCount - 1];
    line.arguments.assign(tokens.begin() + kColumnCount, tokens.end());
    if (!good || !check_line(source, line, tokens[3].at)) return std::nullopt;
    check_argv0(source, line);
    return line;
}

} // namespace inetd
