#pragma once

#include "builtin/http_request.h"
#include "builtin/ident_line.h"
#include "builtin/mux_line.h"
#include "builtin/proxy_header.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace inetd {

// What a stranger has sent, to be parsed by a process that has nothing to lose (the parser).
struct ParserQuestion {
    enum class Kind : std::uint8_t {
        proxy_header, // parse_proxy_header
        ident_query,  // parse_ident_query
        ident_answer, // parse_ident_answer
        http_request, // parse_http_request, of a head up to its end, or to a line in it
        mux_line,     // parse_mux_line, of a complete one
    };
    Kind kind = Kind::proxy_header;
    std::string bytes{};
    IdentQuery query{}; // of ident_answer
};

// What the function of that kind returns; nothing: the parser has failed, or was too slow.
using ParserReply = std::variant<std::monostate, ProxyHeader, std::optional<IdentQuery>,
                                 std::optional<std::string>, HttpRequest, MuxRequest>;

// Asks the parser. `done` is called once, later, unless what is returned was dropped before. It may
// call anything. `question.bytes` is no longer than what the function of that kind looks at.
using AskParser = std::function<std::shared_ptr<void>(ParserQuestion question,
                                                      std::function<void(ParserReply)> done)>;

} // namespace inetd
