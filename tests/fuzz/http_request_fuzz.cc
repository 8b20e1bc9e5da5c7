#include "builtin/http_request.h"

#include <cstdlib>

using namespace inetd;

// A request is bounded, is the same whatever follows it, and is not known before it is whole. What
// is no request stays none when more comes. Byte by byte it is read as in one.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const HttpRequest whole = parse_http_request(bytes);
    HttpHead head;
    for (std::size_t i = 0; i <= size; ++i)
        head.read(bytes.substr(0, i));
    const HttpRequest& pieces = head.request();
    if (pieces.state != whole.state || pieces.status != whole.status || pieces.size != whole.size ||
        pieces.query != whole.query || pieces.keeps_open != whole.keeps_open ||
        pieces.has_body != whole.has_body)
        std::abort();
    if (whole.state == HttpRequest::State::bad) {
        if (whole.status < 400 || whole.status > 505) std::abort();
        if (parse_http_request(std::string(bytes) + "\r\n\r\n").status != whole.status)
            std::abort();
    }
    if (whole.state != HttpRequest::State::complete) return 0;
    if (whole.size > size || whole.size > HttpRequest::kLongest) std::abort();
    const HttpRequest alone = parse_http_request(bytes.substr(0, whole.size));
    if (alone.size != whole.size || alone.path != whole.path || alone.accept != whole.accept)
        std::abort();
    if (parse_http_request(bytes.substr(0, whole.size - 1)).state != HttpRequest::State::more)
        std::abort();
    const double quality = http_quality(whole.accept, "text/plain");
    if (!(quality >= 0 && quality <= 1)) std::abort();
    return 0;
}
