#include "builtin/ident_line.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace inetd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto user = parse_ident_answer(line, {6193, 23});
    if (user) {
        assert(!user->empty() && user->size() <= 512);
        assert(user->find('\0') == std::string::npos);
    }
    return 0;
}
