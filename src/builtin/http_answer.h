#pragma once

#include <ctime>
#include <string>
#include <string_view>

namespace inetd {

// What there is at a path.
struct HttpDocument {
    std::string content_type;
    std::string body;
    std::string fields{}; // further ones, each line ended by CR LF
};

// How an answer is sent.
struct HttpManner {
    bool keeps_open = false; // and says so
    bool head = false;       // without the body (RFC 9110 9.3.2)
    std::time_t now = 0;
};

// The document, as a whole answer of HTTP/1.1. Nobody on the way is to keep it. Pure.
[[nodiscard]] std::string http_answer(const HttpDocument& document, const HttpManner& manner);

// The same for what went wrong: one of 400, 404, 405, 408, 414, 431, 505. `why`: a line for whoever
// reads the answer; empty: the words of the status.
[[nodiscard]] std::string http_failure(int status, const HttpManner& manner,
                                       std::string_view why = {});

} // namespace inetd
