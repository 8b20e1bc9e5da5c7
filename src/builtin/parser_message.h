#pragma once

#include "builtin/parser.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// How questions and replies travel between the daemon and the parser, two processes of one binary.
// Pure. Neither is ever longer than this.
inline constexpr std::size_t kLongestParserMessage = std::size_t{20} * 1024;

[[nodiscard]] std::string encode_question(const ParserQuestion& question);

// What the parser does: from an encoded question to an encoded reply; empty if it is no question.
[[nodiscard]] std::string parse_apart(std::string_view question);

// The parser may have been taken over by whoever sent what it parsed, so a reply is believed only
// where it could be one to this question: nothing if it could not.
[[nodiscard]] std::optional<ParserReply> decode_reply(const ParserQuestion& question,
                                                      std::string_view reply);

} // namespace inetd
