#include "policy/load_average.h"

#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <unistd.h>

using namespace inetd;
using namespace std::chrono_literals;

TEST_CASE("load average: the first number of the kernel's line") {
    CHECK(LoadAverage::parse("0.20 0.18 0.12 1/80 11206\n") == 0.20);
    CHECK(LoadAverage::parse("12.50") == 12.5);
    for (const char* text : {"", "x", "-1.0 2", "nan 1", "1.0x", " 1.0"})
        CHECK_FALSE(LoadAverage::parse(text));
}

TEST_CASE("load average: read at most once a second") {
    std::string path = "/tmp/inetd-load-XXXXXX";
    close(mkstemp(path.data()));
    const auto write = [&](const char* text) { std::ofstream(path) << text; };
    const LoadAverage::TimePoint start{1000s};
    LoadAverage load(path);
    CHECK_FALSE(load.known());
    write("4.00 1.00 1.00 1/1 1\n");
    CHECK(load.reaches(4.0, start));
    CHECK_FALSE(load.reaches(4.01, start));
    write("0.00 1.00 1.00 1/1 1\n");
    CHECK(load.reaches(4.0, start + 999ms));
    CHECK_FALSE(load.reaches(4.0, start + 1s));
    CHECK(load.known());
    std::remove(path.c_str());
    CHECK_FALSE(load.reaches(0.0, start + 2s));
    CHECK_FALSE(load.known());
}
