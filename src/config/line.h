#pragma once

#include "config/lexer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <vector>

namespace inetd {

enum class Transport : std::uint8_t { tcp, udp, sctp, mptcp, udplite, local, vsock, raw };

// The digits after "tcp": none, "4", "6" or "46".
enum class IpFamily : std::uint8_t { any, v4, v6, dual };

// What a line says, column by column, before the machine is asked about any of it.
struct ServiceLine {
    std::vector<Token> hosts; // as written, brackets removed; none = the default address; "*" = all
    Token service;            // without hosts: "ftp", "8080", "/run/x", "@x", "tcpmux/x"
    std::string mux_name;     // "x" for "tcpmux/x" and "tcpmux/+x"
    bool mux_greets = false;
    Token socket_owner; // of ":owner:group:mode:/path"; empty = as created
    Token socket_group;
    std::optional<mode_t> socket_mode;

    std::int16_t type = 0; // SOCK_*; 0 = the column holds an error
    Token protocol;
    Transport transport = Transport::tcp;
    IpFamily family = IpFamily::any; // of "raw" only protocols(5) can tell
    int send_buffer = 0;
    int receive_buffer = 0;

    bool wait = false;
    std::optional<std::uint32_t> instances; // limits: nothing = not given
    std::optional<std::uint32_t> starts_per_minute;
    std::optional<std::uint32_t> source_per_minute;
    std::optional<std::uint32_t> per_source;

    Token user; // "user", "user.group" or "user:group"; empty = whoever runs inetd
    Token program;
    std::vector<Token> arguments;
    bool enabled = true; // false: "service off ..."

    [[nodiscard]] bool internal() const { return program.text == "internal"; }
    [[nodiscard]] bool is_ip() const {
        return transport != Transport::local && transport != Transport::vsock;
    }
};

// Checks the columns of one line, each on its own and together. Reports all that is wrong, and
// returns nothing if any of it is an error. Pure.
[[nodiscard]] std::optional<ServiceLine> parse_line(const Source& source, const Line& tokens);

// The same for NetBSD's form: service on|off key = value [value...], key = value... ;
[[nodiscard]] bool is_definition(const Line& tokens);
[[nodiscard]] std::optional<ServiceLine> parse_definition(const Source& source, const Line& tokens);

// The addresses of a line that is only "address:" and so sets the default for the lines below.
// Nothing if the line is anything else; empty if it is one but wrong, which is then reported.
[[nodiscard]] std::optional<std::vector<Token>> parse_default_hosts(const Source& source,
                                                                    const Line& tokens);

// "a,[v6],*" as a list. False, and reported at `list`, if a piece is none.
bool parse_hosts(const Source& source, const Token& list, std::vector<Token>& hosts);

} // namespace inetd
