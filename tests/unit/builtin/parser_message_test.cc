#include "builtin/parser_message.h"

#include <doctest/doctest.h>

using namespace inetd;

using Kind = ParserQuestion::Kind;

namespace {

template<typename Reply>
std::optional<Reply> reply_to(const ParserQuestion& question) {
    const auto reply = decode_reply(question, parse_apart(encode_question(question)));
    if (!reply) return std::nullopt;
    REQUIRE(std::holds_alternative<Reply>(*reply));
    return std::get<Reply>(*reply);
}

// What of it may be changed or missing without its being refused.
void check_each_byte(const ParserQuestion& question) {
    const std::string reply = parse_apart(encode_question(question));
    CHECK(decode_reply(question, reply));
    for (std::size_t size = 0; size < reply.size(); ++size)
        CHECK_FALSE(decode_reply(question, reply.substr(0, size)));
    CHECK_FALSE(decode_reply(question, reply + '\0'));
    CHECK_FALSE(decode_reply(question, '\x7f' + reply.substr(1)));
}

} // namespace

TEST_CASE("parser message: what is no question") {
    CHECK(parse_apart("").empty());
    CHECK(parse_apart("\x7f").empty());
    CHECK(encode_question({.bytes = std::string(100, 'x')}).size() < 110);
}

TEST_CASE("parser message: a PROXY header") {
    for (const std::string text :
         {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n", "PROXY TCP6 2001:db8::1 ::1 4711 80\r\n",
          "PROXY UNKNOWN\r\n", "PROXY ", "", "GET / HTTP/1.1\r\n"}) {
        CAPTURE(text);
        const ParserQuestion question{.kind = Kind::proxy_header, .bytes = text + "more"};
        const ProxyHeader expected = parse_proxy_header(question.bytes);
        const auto header = reply_to<ProxyHeader>(question);
        REQUIRE(header);
        CHECK(header->state == expected.state);
        CHECK(header->size == expected.size);
        CHECK(header->source == expected.source);
        CHECK(header->destination == expected.destination);
        check_each_byte(question);
    }
}

TEST_CASE("parser message: replies about a PROXY header that cannot be") {
    const std::string text = "PROXY UNKNOWN\r\n";
    const std::string long_one = text + "more";
    const std::string reply = parse_apart(encode_question({Kind::proxy_header, long_one}));
    CHECK(decode_reply({Kind::proxy_header, text}, reply));
    // A header that is longer than what was asked about.
    CHECK_FALSE(decode_reply({Kind::proxy_header, text.substr(1)}, reply));
    const std::string more = parse_apart(encode_question({Kind::proxy_header, "PROXY "}));
    CHECK(decode_reply({Kind::proxy_header, std::string(ProxyHeader::kLongest - 1, 'x')}, more));
    CHECK_FALSE(decode_reply({Kind::proxy_header, std::string(ProxyHeader::kLongest, 'x')}, more));
}
