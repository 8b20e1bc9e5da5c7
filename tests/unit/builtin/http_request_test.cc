#include "builtin/http_request.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <string>

using namespace inetd;

// "GET /metrics ?x=y accept=a open body", "more" or the number of the status.
static std::string parsed(std::string_view bytes) {
    const HttpRequest request = parse_http_request(bytes);
    HttpHead in_pieces;
    for (std::size_t size = 0; size <= bytes.size(); ++size)
        in_pieces.read(bytes.substr(0, size));
    CHECK(in_pieces.request().state == request.state);
    CHECK(in_pieces.request().status == request.status);
    CHECK(in_pieces.request().size == request.size);
    CHECK(in_pieces.request().accept == request.accept);
    if (request.state == HttpRequest::State::more) return "more";
    if (request.state == HttpRequest::State::bad) return std::to_string(request.status);
    std::string text = request.method + " " + request.path;
    if (!request.query.empty()) text += " ?" + request.query;
    if (!request.accept.empty()) text += " accept=" + request.accept;
    if (request.keeps_open) text += " open";
    if (request.has_body) text += " body";
    if (request.size != bytes.size()) text += fmt::format(" of {}", request.size);
    return text;
}

TEST_CASE("http: requests") {
    CHECK(parsed("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") == "GET /metrics open");
    CHECK(parsed("GET / HTTP/1.1\nhost:\n\n") == "GET / open");
    CHECK(parsed("\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n") == "HEAD / open");
    CHECK(parsed("GET / HTTP/1.0\r\n\r\n") == "GET /");
    CHECK(parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n") == "GET / open");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\nconnection: foo , CLOSE\r\n\r\n") == "GET /");
    CHECK(parsed(
              "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n") ==
          "GET /");
    CHECK(parsed("GET /a?b=c?d HTTP/1.1\r\nHost: x\r\n\r\n") == "GET /a ?b=c?d open");
    CHECK(parsed("GET http://x:1/a?b HTTP/1.1\r\nHost: x\r\n\r\n") == "GET /a ?b open");
    CHECK(parsed("GET HTTP://x HTTP/1.1\r\nHost: x\r\n\r\n") == "GET / open");
    CHECK(parsed("GET http://x?b HTTP/1.1\r\nHost: x\r\n\r\n") == "GET / ?b open");
    CHECK(parsed("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n") == "OPTIONS  open");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\nAccept: a/b\r\nX-\xc3\xa4: no\r\n\r\n") == "400");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\nAccept:\ta/b \r\naccept: c/*\r\n\r\n") ==
          "GET / accept=a/b,c/* open");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n") == "GET / open of 27");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n") == "GET / open");
    CHECK(parsed("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc") ==
          "PUT / open body of 46");
    CHECK(parsed("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          "PUT / open body");
}

TEST_CASE("http: what has not come whole") {
    const std::string whole = "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(parsed(std::string_view(whole).substr(0, size)) == "more");
}

TEST_CASE("http: what is no request") {
    for (const char* line : {"GET",
                             "GET /",
                             "GET  HTTP/1.1",
                             "GET / HTTP/1.1 ",
                             "GET / http/1.1",
                             "GET / HTTP/11",
                             "GET / HTTP/1.",
                             "GET / HTTP/1.1x",
                             "G(T / HTTP/1.1",
                             " GET / HTTP/1.1",
                             "GET metrics HTTP/1.1",
                             "GET * HTTP/1.1",
                             "GET /a b HTTP/1.1",
                             "GET /\t HTTP/1.1",
                             "GET /\x7f HTTP/1.1",
                             "GET /\xc3\xa4 HTTP/1.1",
                             "GET /# HTTP/1.1",
                             "GET http:/// HTTP/1.1",
                             "GET ftp://x/ HTTP/1.1",
                             "GET /\r HTTP/1.1"})
        CHECK_MESSAGE(parsed(fmt::format("{}\r\nHost: x\r\n\r\n", line)) == "400", line);
    CHECK(parsed("GET / HTTP/2.0\r\n\r\n") == "505");
    CHECK(parsed("GET / HTTP/0.9\r\n\r\n") == "505");
    for (const char* field :
         {"Foo", ": x", "Foo : x", " Foo: x", "\tFoo: x", "F\xc3\xb6: x", "Foo: \x01", "Foo: a\rb",
          "Foo: \x7f", "Host: y", "Content-Length: x", "Content-Length: -1", "Content-Length: +1",
          "Content-Length:", "Content-Length: 1, 1", "Content-Length: 18446744073709551616",
          "Content-Length: 1\r\nContent-Length: 2",
          "Content-Length: 1\r\nTransfer-Encoding: chunked"})
        CHECK_MESSAGE(
            parsed(fmt::format("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", field)) == "400", field);
    CHECK(parsed("GET / HTTP/1.1\r\n\r\n") == "400");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == "400");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n") == "400");
    CHECK(parsed(std::string_view("GET / HTTP/1.1\r\nHost: x\r\nFoo: \0\r\n\r\n", 35)) == "400");
    // Known before all of it is there.
    CHECK(parsed("\x16\x03\x01\n") == "400");
    CHECK(parsed("GET / HTTP/1.1\r\nFoo : x\r\n") == "400");
}

TEST_CASE("http: what is too long") {
    const std::string much(HttpRequest::kLongest, 'a');
    CHECK(parsed("GET /" + much) == "414");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\nFoo: " + much) == "431");
    CHECK(parsed("GET / HTTP/1.1\r\nHost: x\r\nFoo: " + much + "\r\n\r\n") == "431");
    std::string longest = "GET / HTTP/1.1\r\nHost: x\r\nFoo: ";
    longest.append(HttpRequest::kLongest - longest.size() - 4, 'a').append("\r\n\r\n");
    CHECK(parsed(longest) == "GET / open");
    CHECK(parsed(std::string(HttpRequest::kLongest, '\n')) == "414");
}

TEST_CASE("http: what a client would rather have") {
    const std::string_view type = "text/plain";
    CHECK(http_quality("", type) == 1);
    CHECK(http_quality(" ", type) == 1);
    CHECK(http_quality("text/html", type) == 0);
    CHECK(http_quality("*/*", type) == 1);
    CHECK(http_quality("TEXT/*;q=0.5", type) == 0.5);
    CHECK(http_quality("text/plain;q=0", type) == 0);
    CHECK(http_quality("*/*;q=0.1, text/plain; version=0.0.4 ;Q=0.25, text/*;q=0.9", type) ==
          doctest::Approx(0.25));
    CHECK(http_quality("text/plain;q=0.5,text/plain;version=1;q=0.75", type) ==
          doctest::Approx(0.75));
    CHECK(http_quality("text/plain;q=2", type) == 1);
    CHECK(http_quality("text/plain;q=1.5", type) == 1);
    CHECK(http_quality("text/plain;q=0.x", type) == 1);
    CHECK(http_quality("text/plain;q=", type) == 1);
    CHECK(http_quality(";;;,,,/,*", type) == 0);
    const std::string_view prometheus =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    CHECK(http_quality(prometheus, "application/openmetrics-text") == 1);
    CHECK(http_quality(prometheus, "text/plain") == 0.5);
}
