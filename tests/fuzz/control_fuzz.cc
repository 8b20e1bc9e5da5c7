#include "control/framer.h"
#include "control/message.h"
#include "control/parameters.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace inetd::control;

// Walks through the value as a method might that believes nothing.
static void read_parameters(const Json& all) {
    Parameters parameters(all);
    try {
        static_cast<void>(parameters.text("name"));
        static_cast<void>(parameters.number("pid", 1, INT32_MAX));
        static_cast<void>(parameters.texts("names"));
        static_cast<void>(parameters.flag("save"));
        parameters.done();
    } catch (const InvalidParameter&) {
        return;
    }
}

// The first byte says in what pieces the rest arrives.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = std::size_t{data[0]} + 1;
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    Framer framer(4096);
    while (!rest.empty() && !framer.too_long()) {
        const std::size_t taken = std::min({piece, rest.size(), framer.room()});
        framer.add(rest.substr(0, taken));
        rest.remove_prefix(taken);
        while (const auto text = framer.next()) {
            if (const auto reply = parse_reply(*text)) static_cast<void>(reply_text(*reply));
            const auto call = parse_call(*text);
            if (!call) continue;
            read_parameters(call->parameters);
            // What was understood can be said again.
            const std::string again = call_text(*call);
            const auto same = parse_call(std::string_view(again).substr(0, again.size() - 1));
            if (!same || same->method != call->method || same->parameters != call->parameters)
                __builtin_trap();
        }
    }
    return 0;
}
