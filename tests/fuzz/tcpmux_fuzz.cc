#include "builtin/mux_line.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace inetd;

// Reads as the daemon does: looks at what waits, and takes what is part of the line. The first byte
// says in what pieces it comes.
static MuxLine::State read_line(std::string_view bytes, std::size_t piece, MuxLine& line,
                                std::size_t& taken) {
    std::size_t arrived = 0;
    while (arrived < bytes.size()) {
        arrived = std::min(bytes.size(), arrived + piece);
        const std::string_view waiting = bytes.substr(taken, arrived - taken);
        const std::size_t share = MuxLine::share_of(waiting.substr(0, line.room()));
        if (share > waiting.size()) std::abort();
        const auto state = line.take(waiting.substr(0, share));
        taken += share;
        if (state != MuxLine::State::more) return state;
    }
    return MuxLine::State::more;
}

// A service's name is the line without its end.
static void check_request(const MuxRequest& request, std::string_view name) {
    if (request.kind == MuxRequest::Kind::help && name.size() != 4) std::abort();
    if (request.kind != MuxRequest::Kind::service) {
        if (!request.name.empty()) std::abort();
        return;
    }
    if (request.name != name || name.empty()) std::abort();
    for (const char c : name)
        if (c <= ' ' || c > '~') std::abort();
}

// What follows the line is never taken, and how it comes in pieces makes no difference.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    MuxLine line;
    std::size_t taken = 0;
    const auto state = read_line(bytes, 1 + data[0] % 16, line, taken);
    const std::size_t end = bytes.find('\n');
    if (state == MuxLine::State::complete) {
        if (taken != end + 1) std::abort();
        std::string_view name = bytes.substr(0, end);
        if (name.ends_with('\r')) name.remove_suffix(1);
        if (name.size() > MuxLine::kLongestName) std::abort();
        check_request(parse_mux_line(line.text()), name);
    } else if (state == MuxLine::State::more && end != std::string_view::npos &&
               end < MuxLine::kLongestName) {
        std::abort();
    }
    if (line.text() != bytes.substr(0, taken) || taken > MuxLine::kLongest) std::abort();
    MuxLine whole;
    std::size_t at_once = 0;
    if (read_line(bytes, size, whole, at_once) != state) std::abort();
    return 0;
}
