#include "builtin/proxy_header.h"

#include <cstdlib>

using namespace inetd;

// Whatever the end of the bytes, the same header comes of them, and never more than there is.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const ProxyHeader whole = parse_proxy_header(bytes);
    if (whole.state != ProxyHeader::State::complete) return 0;
    if (whole.size > size || whole.size > ProxyHeader::kLongest) std::abort();
    if (whole.source.has_value() != whole.destination.has_value()) std::abort();
    if (parse_proxy_header(bytes.substr(0, whole.size)).source != whole.source) std::abort();
    for (std::size_t part = 0; part < whole.size; ++part) {
        if (parse_proxy_header(bytes.substr(0, part)).state != ProxyHeader::State::more)
            std::abort();
    }
    return 0;
}
