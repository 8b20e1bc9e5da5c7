#include "config/effective.h"
#include "config/load.h"

#include <cstddef>
#include <cstdint>
#include <string>

// libconfig 1.5 loses the text of a string that stands where there may be none.
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libconfig";
}

static inetd::Loaded load(const std::string& settings) {
    inetd::LoadOptions options;
    options.settings = "fuzz";
    options.trace = true;
    options.ipv6 = true;
    return inetd::load_config_text("echo stream tcp nowait root internal\n"
                                   "127.0.0.1:echo dgram udp wait root internal\n"
                                   "/run/x stream unix nowait root internal echo\n",
                                   "lines", options, settings);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    // An include would read whatever files this machine has.
    if (text.find("@include") != std::string::npos) return 0;
    const inetd::Loaded loaded = load(text);
    for (const inetd::Diagnostic& diagnostic : loaded.diagnostics)
        if (diagnostic.text.empty() || diagnostic.file.empty()) __builtin_trap();
    for (const auto& service : loaded.services)
        if (service->terms->surroundings == nullptr || service->terms->limits.rate.seconds == 0)
            __builtin_trap();
    // What was understood can be said again.
    if (inetd::has_errors(loaded.diagnostics)) return 0;
    if (inetd::has_errors(load(inetd::effective_text(loaded)).diagnostics)) __builtin_trap();
    return 0;
}
