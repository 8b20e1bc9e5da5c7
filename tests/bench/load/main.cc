// load MODE ARGUMENTS...: the clients of the benchmarks, all of one process and one thread, so that
// they take as little as possible of what is measured. See the modes for their arguments.

#include "tools.h"

#include <csignal>
#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
    using Mode = int (*)(int, char**);
    static constexpr struct {
        const char* name;
        Mode run;
    } kModes[] = {
        {"spawn", bench::run_spawn}, {"burst", bench::run_burst},
        {"echo", bench::run_echo},   {"stream", bench::run_stream},
        {"drain", bench::run_drain}, {"fill", bench::run_fill},
        {"idle", bench::run_idle},   {"datagrams", bench::run_datagrams},
        {"ask", bench::run_ask},
    };
    std::signal(SIGPIPE, SIG_IGN);
    bench::raise_descriptor_limit();
    for (const auto& mode : kModes)
        if (argc > 1 && std::strcmp(argv[1], mode.name) == 0) return mode.run(argc - 1, argv + 1);
    std::fprintf(stderr, "load: no such mode\n");
    return 2;
}
