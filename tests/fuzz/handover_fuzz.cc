#include "server/handover.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = inetd::parse_handover({reinterpret_cast<const char*>(data), size});
    if (!read) return 0;
    // What was understood can be said again.
    const std::string text = inetd::handover_text(*read);
    const auto again = inetd::parse_handover(text);
    if (!again || inetd::handover_text(*again) != text) __builtin_trap();
    return 0;
}
