#include "server/exec_arguments.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace inetd;

// "-l --exec A | cat -n | sh", or the error.
static std::string cut(const std::vector<std::string>& arguments) {
    const auto out = cut_commands(arguments);
    if (!out) return out.error().text();
    std::string text = fmt::format("{}", fmt::join(out->own, " "));
    for (const auto& command : out->commands)
        text += fmt::format(" | {}", fmt::join(command, " "));
    return text;
}

TEST_CASE("without --exec every argument stays as it is") {
    CHECK(cut({}) == "");
    CHECK(cut({"-i", "file"}) == "-i file");
    CHECK(cut({"-i", "--", "--exec", "a", "--", "b"}) == "-i -- --exec a -- b");
}

TEST_CASE("commands go from -- to the next --exec") {
    CHECK(cut({"--exec", "A", "--", "cat"}) == "--exec A | cat");
    CHECK(cut({"-l", "--exec", "A", "-d", "file", "--", "cat", "-n", "--", "x", "--exec", "B", "--",
               "sh"}) == "-l --exec A -d file --exec B | cat -n -- x | sh");
    CHECK(cut({"--exec=A", "--", "cat", "--exec=B", "--", "sh", "--executable"}) ==
          "--exec=A --exec=B | cat | sh --executable");
}

TEST_CASE("an --exec without a command or a spec is told") {
    const std::string none = "--exec 'A': no command; write '-- COMMAND [ARGUMENT...]' after it";
    CHECK(cut({"--exec", "A"}) == none);
    CHECK(cut({"--exec=A"}) == none);
    CHECK(cut({"--exec", "A", "--"}) == none);
    CHECK(cut({"--exec", "A", "--", ""}) == none);
    CHECK(cut({"--exec", "A", "cat", "-n"}) == none);
    CHECK(cut({"--exec", "A", "--exec", "B", "--", "cat"}) == none);
    CHECK(cut({"--exec", "B", "--", "cat", "--exec", "A", "cat"}) == none);
    const std::string spec = "--exec: no socket; write --exec 'tcp 8080' -- COMMAND";
    CHECK(cut({"--exec"}) == spec);
    CHECK(cut({"--exec", "--", "cat"}) == spec);
}
