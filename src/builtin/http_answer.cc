#include "builtin/http_answer.h"

#include <array>
#include <fmt/core.h>

namespace inetd {

// IMF-fixdate of RFC 9110 5.6.7, whatever the locale.
static std::string date(std::time_t now) {
    static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                       kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                       kMonths[static_cast<std::size_t>(utc.tm_mon)], 1900 + utc.tm_year,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static const char* words_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

static std::string answer(int status, const HttpDocument& document, const HttpManner& manner) {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\n"
                                   "Date: {}\r\n"
                                   "Content-Type: {}\r\n"
                                   "Content-Length: {}\r\n"
                                   "Cache-Control: no-store\r\n"
                                   "X-Content-Type-Options: nosniff\r\n"
                                   "Connection: {}\r\n"
                                   "{}\r\n",
                                   status, words_of(status), date(manner.now),
                                   document.content_type, document.body.size(),
                                   manner.keeps_open ? "keep-alive" : "close", document.fields);
    if (!manner.head) text += document.body;
    return text;
}

std::string http_answer(const HttpDocument& document, const HttpManner& manner) {
    return answer(200, document, manner);
}

std::string http_failure(int status, const HttpManner& manner, std::string_view why) {
    HttpDocument document{.content_type = "text/plain; charset=utf-8",
                          .body =
                              fmt::format("{} {}\n", status, why.empty() ? words_of(status) : why)};
    // RFC 9110 15.5.6.
    if (status == 405) document.fields = "Allow: GET, HEAD\r\n";
    return answer(status, document, manner);
}

} // namespace inetd
