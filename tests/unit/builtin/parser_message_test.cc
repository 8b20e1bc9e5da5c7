#include "builtin/parser_message.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <string>

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

TEST_CASE("parser message: a question to auth") {
    const auto parsed = [](const std::string& line) {
        const ParserQuestion question{.kind = Kind::ident_query, .bytes = line};
        check_each_byte(question);
        const auto query = reply_to<std::optional<IdentQuery>>(question).value();
        return query ? fmt::format("{},{}", query->local, query->remote) : "none";
    };
    CHECK(parsed("6193 , 23") == "6193,23");
    CHECK(parsed("4294967295, 0") == "4294967295,0");
    CHECK(parsed("hello") == "none");
    CHECK(parsed("") == "none");
}

TEST_CASE("parser message: an answer of ident") {
    const auto user = [](const std::string& line) {
        const ParserQuestion question{
            .kind = Kind::ident_answer, .bytes = line, .query = {6193, 23}};
        check_each_byte(question);
        return reply_to<std::optional<std::string>>(question).value().value_or("none");
    };
    CHECK(user("6193,23:USERID:UNIX:joe") == "joe");
    CHECK(user("6193,23:USERID:UNIX:" + std::string(kLongestIdentUser, 'u')) ==
          std::string(kLongestIdentUser, 'u'));
    CHECK(user("6193,24:USERID:UNIX:joe") == "none");
    CHECK(user("") == "none");
    const std::string joe =
        parse_apart(encode_question({Kind::ident_answer, "1,2:USERID:x:joe", {1, 2}}));
    CHECK(decode_reply({Kind::ident_answer, "some joe", {1, 2}}, joe));
    CHECK_FALSE(decode_reply({Kind::ident_answer, "jo", {1, 2}}, joe));
}

TEST_CASE("parser message: an HTTP request") {
    const std::string text = "GET /metrics?a=b HTTP/1.1\r\nHost: x\r\nAccept: a/b\r\n"
                             "Accept: */*;\tq=0.1\r\nContent-Length: 3\r\n\r\n";
    const ParserQuestion question{.kind = Kind::http_request, .bytes = text};
    check_each_byte(question);
    const HttpRequest request = reply_to<HttpRequest>(question).value();
    CHECK(request.state == HttpRequest::State::complete);
    CHECK(request.size == text.size());
    CHECK(request.method == "GET");
    CHECK(request.path == "/metrics");
    CHECK(request.query == "a=b");
    CHECK(request.accept == "a/b,*/*;\tq=0.1");
    CHECK(request.keeps_open);
    CHECK(request.has_body);
    const auto status = [](const std::string& bytes) {
        const ParserQuestion asked{.kind = Kind::http_request, .bytes = bytes};
        check_each_byte(asked);
        return reply_to<HttpRequest>(asked).value().status;
    };
    CHECK(status("GET / HTTP/1.1\r\n") == 0);
    CHECK(status("hello\n") == 400);
    CHECK(status("GET / HTTP/2.0\r\n") == 505);
    CHECK(status(std::string(HttpRequest::kLongest, 'x')) == 414);
    CHECK(status("GET / HTTP/1.0\r\n" + std::string(HttpRequest::kLongest - 16, 'x')) == 431);
    CHECK(reply_to<HttpRequest>({Kind::http_request, "GET http://x HTTP/1.0\r\n\r\n"})->path ==
          "/");
}

TEST_CASE("parser message: a line of tcpmux") {
    const auto asks_for = [](const std::string& line) {
        const ParserQuestion question{.kind = Kind::mux_line, .bytes = line};
        check_each_byte(question);
        const auto request = reply_to<MuxRequest>(question).value();
        CHECK(request.kind == parse_mux_line(line).kind);
        return request.kind == MuxRequest::Kind::help ? "(help)" : request.name;
    };
    CHECK(asks_for("Finger\r\n") == "Finger");
    CHECK(asks_for("x\n") == "x");
    CHECK(asks_for(std::string(MuxLine::kLongestName, 'x') + "\r\n") ==
          std::string(MuxLine::kLongestName, 'x'));
    CHECK(asks_for("help\r\n") == "(help)");
    CHECK(asks_for("HELP\n") == "(help)");
    CHECK(asks_for("\r\n").empty());
    CHECK(asks_for("two words\r\n").empty());
}

TEST_CASE("parser message: replies about a line of tcpmux that cannot be") {
    const auto reply_of = [](const std::string& line) {
        return parse_apart(encode_question({Kind::mux_line, line}));
    };
    const auto believed = [](const std::string& line, const std::string& reply) {
        return decode_reply({Kind::mux_line, line}, reply).has_value();
    };
    CHECK(believed("cat\r\n", reply_of("cat\n")));
    for (const char* line : {"Cat\n", "at\n", "cats\n", "cat \n", "cat", "cat\r", "\n", ""})
        CHECK_FALSE(believed(line, reply_of("cat\r\n")));
    CHECK(believed("Help\r\n", reply_of("help\n")));
    for (const char* line : {"helper\n", "hel\n", "cat\n", "help", "\n"})
        CHECK_FALSE(believed(line, reply_of("help\r\n")));
    // A name that no service has, one that is none of a service, and one where there is none.
    std::string other = reply_of("cat\n");
    other.back() = '\t';
    CHECK_FALSE(believed("ca\t\n", other));
    other.replace(other.size() - 3, 3, "help");
    other[2] = 4;
    CHECK_FALSE(believed("help\n", other));
    for (const char kind : {'\1', '\2'}) {
        std::string named = reply_of("cat\n");
        named[1] = kind;
        CHECK_FALSE(believed("cat\n", named));
    }
    // That of an other kind is none.
    CHECK_FALSE(decode_reply({Kind::ident_answer, "cat\n"}, reply_of("cat\n")));
}

TEST_CASE("parser message: replies about an HTTP request that cannot be") {
    const std::string get = "GET /x HTTP/1.0\r\n\r\n";
    const std::string reply = parse_apart(encode_question({Kind::http_request, get}));
    CHECK(decode_reply({Kind::http_request, get}, reply));
    CHECK_FALSE(decode_reply({Kind::http_request, "PUT /x HTTP/1.0\r\n\r\n"}, reply));
    CHECK_FALSE(decode_reply({Kind::http_request, "GET /y HTTP/1.0\r\n\r\n"}, reply));
    std::string line_end = reply;
    line_end[line_end.find("/x") + 1] = '\n';
    CHECK_FALSE(decode_reply({Kind::http_request, "GET /\n"}, line_end));
    const std::string more = parse_apart(encode_question({Kind::http_request, "GET"}));
    CHECK_FALSE(decode_reply({Kind::http_request, std::string(HttpRequest::kLongest, 'x')}, more));
    std::string bad = parse_apart(encode_question({Kind::http_request, "x\n"}));
    CHECK(decode_reply({Kind::http_request, "x\n"}, bad));
    bad[2] = '\x01'; // of the status
    CHECK_FALSE(decode_reply({Kind::http_request, "x\n"}, bad));
}
