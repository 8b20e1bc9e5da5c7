#include "config/line.h"
#include "config/load.h"

#include <cstddef>
#include <cstdint>
#include <netdb.h>
#include <string>

// No input may make the fuzzer wait for a name server.
extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) {
    return EAI_NONAME;
}

// The positions and the source of a diagnostic must hold whatever the text is.
static void check(const inetd::Diagnostics& diagnostics) {
    for (const inetd::Diagnostic& diagnostic : diagnostics) {
        const bool located = diagnostic.line > 0 && diagnostic.column > 0;
        if (located && static_cast<std::size_t>(diagnostic.column) > diagnostic.source.size() + 1)
            __builtin_trap();
        if (diagnostic.text.empty() || !diagnostic.full().starts_with(diagnostic.headline()))
            __builtin_trap();
    }
}

static void parse(const std::string& text) {
    inetd::Diagnostics diagnostics;
    const inetd::Source source("fuzz", text, diagnostics);
    inetd::Lexer lexer(source);
    inetd::Line tokens;
    while (lexer.next(tokens)) {
        if (tokens.empty()) __builtin_trap();
        if (inetd::parse_default_hosts(source, tokens)) continue;
        if (!inetd::is_definition(tokens))
            (void)inetd::parse_line(source, tokens);
        else if (lexer.definition(tokens))
            (void)inetd::parse_definition(source, tokens);
    }
    check(diagnostics);
}

static void load(const std::string& text) {
    inetd::LoadOptions options;
    options.ipv6 = true;
    const inetd::Loaded loaded = inetd::load_config_text(text, "fuzz", options);
    check(loaded.diagnostics);
    for (const auto& service : loaded.services) {
        if (service->terms->account == nullptr) __builtin_trap();
        if ((service->program == nullptr) != (service->builtin != inetd::Builtin::none))
            __builtin_trap();
        if (service->listen.empty() != !service->mux_name().empty()) __builtin_trap();
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    parse(text);
    // An include would read whatever files this machine has.
    if (text.find(".include") == std::string::npos) load(text);
    return 0;
}
