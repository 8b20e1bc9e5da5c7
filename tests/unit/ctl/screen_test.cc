#include "ctl/screen.h"

#include <doctest/doctest.h>

using namespace inetd::ctl;

// Characters as they are, keys as < and a letter.
static std::string read_all(const std::vector<std::string_view>& pieces) {
    static constexpr std::string_view kLetters = "udlrPNHE";
    StrokeReader reader;
    std::string out;
    for (const std::string_view piece : pieces) {
        for (const Stroke& stroke : reader.read(piece)) {
            if (stroke.key) {
                out += '<';
                out += kLetters[static_cast<std::size_t>(*stroke.key)];
            } else {
                out += stroke.character;
            }
        }
    }
    return out;
}

TEST_CASE("screen: keys") {
    CHECK(read_all({"aq"}) == "aq");
    CHECK(read_all({"\033[A\033[B\033OC\033[Dx"}) == "<u<d<r<lx");
    CHECK(read_all({"\033[5~\033[6~\033[H\033[4~"}) == "<P<N<H<E");
    CHECK(read_all({"\033", "[", "5", "~q"}) == "<Pq");
}

TEST_CASE("screen: what is no key that we know is left out whole") {
    CHECK(read_all({"\033[1;5Cx\033[200~y\033Zz"}) == "xyz");
    CHECK(read_all({"\033\033[Aq"}) == "<uq");
    const std::string endless = "\033[" + std::string(100, '1');
    CHECK(read_all({endless, "q"}) == "q");
}
