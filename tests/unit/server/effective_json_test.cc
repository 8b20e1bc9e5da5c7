#include "server/effective_json.h"

#include <doctest/doctest.h>

using namespace inetd;
using Json = nlohmann::ordered_json;

TEST_CASE("settings become JSON") {
    struct {
        const char* literal;
        const char* json;
    } const cases[] = {
        {"true", "true"},
        {"false", "false"},
        {"7", "7"},
        {"-5", "-5"},
        {"3000000000L", "3000000000"},
        {"4.5", "4.5"},
        {R"("a\"b\\c\x0a")", R"("a\"b\\c\n")"},
        {R"(["a", "b"])", R"(["a","b"])"},
        {"[]", "[]"},
        {"(1, 2)", "[1,2]"},
        {R"({ as = "8m"; cpu = 20; })", R"({"as":"8m","cpu":20})"},
        {R"({ read_only = ["/usr"]; read_write = []; })",
         R"({"read_only":["/usr"],"read_write":[]})"},
        {"{ }", "{}"},
        {"", "null"},
        {"\"a", "null"},
        {"[\"a\"", "null"},
        {"{ a", "null"},
        {"word", "null"},
        {"1 2", "null"},
    };
    for (const auto& [literal, json] : cases) {
        CAPTURE(literal);
        CHECK(json_of_setting(literal).dump() == json);
    }
}

TEST_CASE("the effective configuration in JSON") {
    LoadOptions options;
    options.trace = true;
    options.ipv6 = true;
    options.settings = "cfg";
    const Loaded loaded = load_config_text(
        "7000 stream tcp nowait root /bin/cat cat -n\n127.0.0.1:7001 dgram udp4 wait root internal "
        "echo\n@x stream unix wait root /bin/sh\n",
        "conf", options,
        "services = ( { name = \"7000\"; nice = 5; env = [\"A=b\"]; rate = \"5/s\"; } );\n");
    const Json all = effective_json(loaded);
    CHECK(all["version"] == 1);
    CHECK(all["daemon"]["settings"]["stop_timeout"] == "10s");
    REQUIRE(all["services"].size() == 3);
    const Json& cat = all["services"][0];
    CHECK(cat["name"] == "7000");
    CHECK(cat["type"] == "stream");
    CHECK(cat["wait"] == false);
    CHECK(cat["user"] == "root");
    CHECK(cat["group"] == "root");
    CHECK(cat["builtin"].is_null());
    CHECK(cat["program"].dump() == R"({"path":"/bin/cat","arguments":["cat","-n"]})");
    CHECK(cat["listen"].dump() == R"([{"family":"ipv4","address":"0.0.0.0","port":7000},)"
                                  R"({"family":"ipv6","address":"::","port":7000}])");
    CHECK(cat["settings"]["nice"] == 5);
    CHECK(cat["settings"]["rate"] == "5/s");
    CHECK(cat["settings"]["env"] == Json{"A=b"});
    CHECK(cat["settings"]["ionice"].is_null());
    CHECK_FALSE(cat["settings"].contains("socket_mode")); // has no effect
    CHECK(cat["origins"]["nice"].dump() == R"({"from":"services","file":"cfg","line":1})");
    CHECK(cat["origins"]["umask"].dump() == R"({"from":"built-in"})");
    CHECK(all["services"][1]["builtin"] == "echo");
    CHECK(all["services"][1]["program"].is_null());
    CHECK(all["services"][2]["listen"].dump() == R"([{"family":"unix","address":"@x"}])");
}
