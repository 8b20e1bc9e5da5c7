#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

// Reads the head of one request while it comes, each line once, so that one in small pieces costs
// no more than one in large ones. Pure.
class HttpHead {
  public:
    // `bytes`: all that has come so far, and perhaps of others after it. What it was given before
    // it does not look at again. Of a bad request nothing but the status is to be used.
    const HttpRequest& read(std::string_view bytes);
    [[nodiscard]] const HttpRequest& request() const { return request_; }

  private:
    // These return 0, or what to answer.
    int take_line(std::string_view line);
    int take_field(std::string_view line);
    int take_host(std::string_view value);
    int take_length(std::string_view value);
    void take_options(std::string_view value);
    int finish();

    HttpRequest request_;
    std::size_t taken_ = 0; // of the bytes
    std::optional<std::uint64_t> length_;
    bool begun_ = false; // the line of the request has come
    bool host_needed_ = false;
    bool host_ = false;
    bool coded_ = false;
    bool close_ = false;
};

// Of the first request in `bytes`, in one go.
[[nodiscard]] HttpRequest parse_http_request(std::string_view bytes);

// How much a field like Accept wants `type` ("text/plain"): 1 if it is empty, 0 if it is not
// wanted. The media range that says most about it counts; parameters but q do not.
[[nodiscard]] double http_quality(std::string_view accept, std::string_view type);

} // namespace inetd
