#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace inetd {

// The head of a request of HTTP/1.1 (RFC 9112), or of HTTP/1.0: all of it that a server of a few
// documents has to know. Strict where a proxy before us could read it otherwise than we do. The one
// parser that Debian 12 has, http-parser, was given up by its authors.
struct HttpRequest {
    enum class State : std::uint8_t { more, complete, bad };

    // With all fields; RFC 9110 asks for 8000 bytes for the target alone.
    static constexpr std::size_t kLongest = std::size_t{16} * 1024;

    State state = State::more;
    int status = 0;          // of a bad one: what to answer
    std::size_t size = 0;    // of the head, when complete
    std::string method;      // these two as they were sent
    std::string path;        // without the query: "/metrics"
    std::string query;       // after the question mark
    std::string accept;      // media ranges (RFC 9110 12.5.1); empty = anything
    bool keeps_open = false; // the client wants the connection for further requests
    bool has_body = false;   // something follows that belongs to the request
};

// Of the first request in `bytes`. Of a bad one nothing but the status is to be used. Pure.
[[nodiscard]] HttpRequest parse_http_request(std::string_view bytes);

// How much a field like Accept wants `type` ("text/plain"): 1 if it is empty, 0 if it is not
// wanted. The media range that says most about it counts; parameters but q do not.
[[nodiscard]] double http_quality(std::string_view accept, std::string_view type);

} // namespace inetd
