#include "ctl/settings_edit.h"

#include <doctest/doctest.h>
#include <string>

using namespace inetd::ctl;

static std::string edited(std::string_view text, const char* name, const char* protocol,
                          bool enabled) {
    const auto result = with_enabled(text, name, protocol, enabled);
    return result ? *result : "error: " + result.error().text();
}

TEST_CASE("ctl: a service is disabled in a file without entries") {
    CHECK(edited("", "ftp", "", false) ==
          "services = (\n  { name = \"ftp\"; enabled = false; }\n);\n");
    CHECK(edited("# only this", "ftp", "tcp", false) ==
          "# only this\nservices = (\n  { name = \"ftp\"; protocol = \"tcp\"; enabled = false; }\n"
          ");\n");
    CHECK(edited("services = ();\n", "a\"b\\", "", false) ==
          "services = (\n  { name = \"a\\\"b\\\\\"; enabled = false; }\n);\n");
    CHECK(edited("", "ftp", "", true).empty());
}

TEST_CASE("ctl: an entry is added after the others, and every comment stays") {
    const char* text = "// first\n"
                       "defaults = { per_source = 3; }; # services = (\n"
                       "services = (\n"
                       "  { name = \"www\"; env = [\"A={\"]; }   // the web\n"
                       "  /* { name = \"ftp\"; } */\n"
                       ");\n"
                       "// last\n";
    CHECK(edited(text, "ftp", "", false) == "// first\n"
                                            "defaults = { per_source = 3; }; # services = (\n"
                                            "services = (\n"
                                            "  { name = \"www\"; env = [\"A={\"]; },   // the web\n"
                                            "  /* { name = \"ftp\"; } */\n"
                                            "  { name = \"ftp\"; enabled = false; }\n"
                                            ");\n"
                                            "// last\n");
    CHECK(edited("services = ({name=\"a\"});", "b", "", false) ==
          "services = ({name=\"a\"},\n  { name = \"b\"; enabled = false; }\n);");
}

TEST_CASE("ctl: an entry that is there is changed in its place") {
    const char* text = "services = (\n"
                       "  { name = \"f\" /* in */ \"tp\"; rate = 5; enabled : TRUE; # why\n"
                       "    rlimits = { nofile = 3; }; },\n"
                       "  { name = \"www\"; protocol = \"tcp\"; rlimits = { enabled = 1; }; }\n"
                       ");\n";
    const std::string off = edited(text, "ftp", "", false);
    CHECK(off.find("enabled : false; # why") != std::string::npos);
    CHECK(edited(off, "ftp", "", true).find("enabled : true; # why") != std::string::npos);
    CHECK(edited(off, "ftp", "", false) == off);
    CHECK(edited(text, "www", "tcp", false).find("{ enabled = false; name = \"www\"") !=
          std::string::npos);
}

TEST_CASE("ctl: what is said of a protocol or an address alone stays said") {
    const char* text =
        "services = (\n"
        "  { name = \"ftp\"; enabled = false; },\n"
        "  { name = \"ftp\"; protocol = \"tcp\"; address = \"::1\"; enabled = false; }\n"
        ");\n";
    // One protocol: the general entry is for the others, too.
    CHECK(edited(text, "ftp", "tcp", true) ==
          "services = (\n"
          "  { name = \"ftp\"; enabled = false; },\n"
          "  { name = \"ftp\"; protocol = \"tcp\"; address = \"::1\"; enabled = true; },\n"
          "  { name = \"ftp\"; protocol = \"tcp\"; enabled = true; }\n"
          ");\n");
    const std::string all = edited(text, "ftp", "", true);
    CHECK(all.find("false") == std::string::npos);
}

TEST_CASE("ctl: what is not understood is not touched") {
    for (const char* text : {"services = (", "services = ( { name = \"x\"; )", "a = \"no end",
                             "/* no end", "services = ( { } "})
        CHECK_FALSE(with_enabled(text, "ftp", "", false));
}
