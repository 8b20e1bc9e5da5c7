#include "builtin/http_cut.h"

#include "builtin/http_request.h"

namespace inetd {

bool HttpCut::read(std::string_view bytes) {
    if (ended_) return false;
    bytes = bytes.substr(0, HttpRequest::kLongest);
    bool due = false;
    for (auto end = bytes.find('\n', seen_); end != std::string_view::npos;
         end = bytes.find('\n', seen_)) {
        const std::string_view line = bytes.substr(size_, end - size_);
        const bool blank = line.empty() || line == "\r";
        size_ = seen_ = end + 1;
        // RFC 9112 2.2: blank lines may come first.
        if (blank && begun_) return ended_ = true;
        if (!blank && !begun_) due = begun_ = true;
    }
    seen_ = bytes.size();
    if (seen_ < HttpRequest::kLongest) return due;
    size_ = seen_;
    return ended_ = true;
}

} // namespace inetd
