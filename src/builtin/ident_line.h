#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace inetd {

struct IdentOptions;

// What a client of ident (RFC 1413) asks: who owns the connection between these two ports? Numbers
// as they were written, for the answer repeats them; what does not fit a port is still a question.
struct IdentQuery {
    std::uint32_t local = 0; // "port-on-server": of this machine
    std::uint32_t remote = 0;

    // Ports that a connection can have.
    [[nodiscard]] bool valid() const;
};

// Longer than any honest question, and all that is ever read.
inline constexpr std::size_t kLongestIdentLine = 128;

// Of a line without its end; nothing if it is none. Pure.
[[nodiscard]] std::optional<IdentQuery> parse_ident_query(std::string_view line);

// The answer, with CR LF. `owner`: of the connection, if there is one.
[[nodiscard]] std::string ident_answer(const IdentQuery& query, std::optional<uid_t> owner,
                                       const IdentOptions& options);

// Longer than any line of an answer that RFC 1413 asks a client to accept, and all that is read.
inline constexpr std::size_t kLongestIdentAnswer = 1000;

inline constexpr std::size_t kLongestIdentUser = 512; // RFC 1413, 6: in octets

// The user, any bytes but NUL, from the line of an answer without its end; nothing if it names none
// or is about other ports than those that were asked for. Pure.
[[nodiscard]] std::optional<std::string> parse_ident_answer(std::string_view line,
                                                            const IdentQuery& query);

} // namespace inetd
