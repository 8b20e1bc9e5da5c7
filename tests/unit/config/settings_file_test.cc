#include "config_directory.h"
#include "settings_cases.h"

#include <filesystem>

using namespace inetd;
using namespace inetd::test;
namespace fs = std::filesystem;

namespace {

struct SettingsFiles : ConfigDirectory {
    [[nodiscard]] std::string load(const std::string& settings, bool required = true) const {
        LoadOptions options = plain();
        options.paths = {write("conf", kUnix)};
        options.settings = path(settings);
        options.settings_required = required;
        return outcome(options);
    }
};

} // namespace

TEST_CASE("settings: mistakes of syntax are those of libconfig, with their place") {
    const SettingsFiles dir;
    const auto outcome = [&](const std::string& text) {
        dir.write("s", text);
        return dir.load("s");
    };
    CHECK(outcome("daemon = {\n  strict = ;\n};\n") ==
          "s:2: error: syntax error\n  hint: strings stand in double quotes; the last item of a "
          "list has no comma after it; the mistake may be in the line before\n");
    CHECK(outcome("defaults = { nice = 1; nice = 2; };") ==
          "s:1: error: duplicate setting name\n  hint: write each key once\n");
    CHECK(outcome(std::string("defaults = { }; \0 = 1;", 22)) ==
          "s: error: there is a NUL byte in this file\n");
    CHECK(outcome("@include \"gone.cfg\"\n") ==
          "s:1: error: cannot open include file\n"
          "  hint: its name is relative to the directory of the settings file\n");
    CHECK(outcome("daemon = " + std::string(40, '(') + std::string(40, ')') + ";")
              .find("s:1: error: settings are nested more than 16 deep\n") != std::string::npos);
}

TEST_CASE("settings: a file may include others") {
    const SettingsFiles dir;
    dir.write("more.cfg", "defaults = { instances = 5;\n  nice = 99; };\n");
    dir.write("broken.cfg", "\n\ndefaults = { x = ; };\n");
    dir.write("good.cfg", "instances = 5;\n");
    dir.write("self.cfg", "@include \"self.cfg\"\n");
    dir.write("s", "@include \"more.cfg\"\n");
    CHECK(dir.load("s") ==
          "more.cfg:2: error: 'nice' takes a whole number from -20 to 19, not 99\n");
    dir.write("s", "@include \"broken.cfg\"\n");
    CHECK(dir.load("s").starts_with("broken.cfg:3: error: syntax error\n"));
    dir.write("s", "defaults = {\n@include \"good.cfg\"\n};\n");
    CHECK(dir.load("s") == kUnixDump + " instances=5\n");
    dir.write("s", "@include \"self.cfg\"\n");
    CHECK(dir.load("s") == "self.cfg:1: error: include file nesting too deep\n");
}

TEST_CASE("settings: a file that is absent or open to all") {
    const SettingsFiles dir;
    CHECK(dir.load("gone", false) == kUnixDump + "\n");
    CHECK(dir.load("gone") == "gone: error: cannot read gone: No such file or directory\n");
    CHECK(dir.load("", false).find("Is a directory") != std::string::npos);
    fs::permissions(dir.write("s", ""), fs::perms::others_write, fs::perm_options::add);
    CHECK(dir.load("s") == kUnixDump + "\ns: warning: anybody may write to this file\n"
                                       "  hint: chmod o-w s\n");
}
