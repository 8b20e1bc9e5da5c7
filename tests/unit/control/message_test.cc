#include "control/framer.h"
#include "control/message.h"

#include <doctest/doctest.h>
#include <string>

using namespace inetd::control;

TEST_CASE("control: a call is read with what it says and what it leaves out") {
    const auto full = parse_call(R"({"method":"a.b.C","parameters":{"x":1},"more":true,)"
                                 R"("oneway":false,"upgrade":true,"unknown":[]})");
    REQUIRE(full);
    CHECK(full->method == "a.b.C");
    CHECK(full->parameters == Json{{"x", 1}});
    CHECK(full->more);
    CHECK_FALSE(full->oneway);
    CHECK(full->upgrade);
    const auto bare = parse_call(R"({"method":"a.b.C","parameters":null,"more":null})");
    REQUIRE(bare);
    CHECK(bare->parameters == Json::object());
    CHECK_FALSE(bare->more);
}

TEST_CASE("control: what is no call is none") {
    for (const char* text :
         {"", "x", "1", "[]", "{}", R"({"method":1})", R"({"method":"a","parameters":[]})",
          R"({"method":"a","more":1})", R"({"method":"a"} x)", "{\"method\":\"\xff\"}"})
        CHECK_FALSE(parse_call(text));
}

TEST_CASE("control: a call is only so deep") {
    const auto nested = [](int depth) {
        std::string text = R"({"method":"a","parameters":)";
        for (int i = 0; i < depth; ++i)
            text += R"({"a":)";
        text += "1";
        return text + std::string(static_cast<std::size_t>(depth), '}') + "}";
    };
    CHECK(parse_call(nested(kDeepestCall - 1)));
    CHECK_FALSE(parse_call(nested(kDeepestCall + 1)));
}

TEST_CASE("control: a call and a reply say the same when they are read again") {
    const std::string call = call_text({.method = "a.b.C",
                                        .parameters = {{"n", 5}},
                                        .more = true,
                                        .oneway = false,
                                        .upgrade = false});
    CHECK(call.back() == '\0');
    CHECK(call.find('\0') == call.size() - 1);
    const auto read = parse_call(call.substr(0, call.size() - 1));
    REQUIRE(read);
    CHECK(read->parameters == Json{{"n", 5}});
    const std::string reply =
        reply_text({.parameters = {{"x", "\xff"}}, .error = "a.b.Error", .continues = true});
    const auto answer = parse_reply(reply.substr(0, reply.size() - 1));
    REQUIRE(answer);
    CHECK(answer->error == "a.b.Error");
    CHECK(answer->continues);
    CHECK(answer->parameters == Json{{"x", "\xEF\xBF\xBD"}}); // U+FFFD
}

TEST_CASE("control: bytes are cut at each NUL and bounded") {
    Framer framer(8);
    framer.add("ab");
    CHECK_FALSE(framer.next());
    framer.add(std::string_view("c\0de\0", 5));
    CHECK(framer.next() == "abc");
    CHECK(framer.room() == 5);
    CHECK(framer.next() == "de");
    CHECK_FALSE(framer.next());
    CHECK(framer.empty());
    framer.add("12345678910");
    CHECK(framer.too_long());
    CHECK(framer.room() == 0);
    Framer exact(4);
    exact.add(std::string_view("abc\0", 4));
    CHECK_FALSE(exact.too_long());
    CHECK(exact.next() == "abc");
}
