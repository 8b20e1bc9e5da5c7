#include "config/amount.h"
#include "config/effective.h"
#include "config/load.h"

#include "dump.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace inetd;
using namespace inetd::test;

namespace {

Loaded load(const std::string& settings) {
    LoadOptions options;
    options.settings = "s";
    options.trace = true;
    const std::string user = fmt::format("{}:{}", geteuid(), getegid());
    return load_config_text("@x stream unix nowait " + user + " /bin/cat\n", "t", options,
                            settings);
}

// What a dump says of the key that `setting` sets, or else what is wrong with it.
std::string effect(const std::string& setting) {
    const Loaded loaded = load("defaults = { " + setting + " };");
    if (!loaded.diagnostics.empty()) {
        std::string out = dump(loaded);
        if (!loaded.services.empty()) out.erase(0, out.find('\n') + 1);
        out.erase(0, std::string("s:1: error: ").size());
        return out.substr(0, out.size() - 1);
    }
    const std::string text = effective_text(loaded);
    const std::string name = "    " + setting.substr(0, setting.find(' ')) + " = ";
    const auto at = text.find(name);
    if (at == std::string::npos) return {};
    const auto from = at + name.size();
    return text.substr(from, text.rfind(';', text.find("# ", from)) - from);
}

struct Case {
    std::string setting;
    std::string outcome;
};

void check_all(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
        CAPTURE(one.setting);
        CHECK(effect(one.setting) == one.outcome);
    }
}

} // namespace

TEST_CASE("amounts") {
    CHECK(parse_amount("0", true) == 0);
    CHECK(parse_amount("12k", true) == 12288);
    CHECK(parse_amount("3T", true) == std::uint64_t{3} << 40);
    CHECK(parse_amount("8388607t", true) == std::uint64_t{8388607} << 40);
    CHECK(parse_amount("unlimited", false) == kUnlimited);
    for (const char* wrong : {"", "k", "-1", "1kk", "8388608t", "9223372036854775808", "1.5m"})
        CHECK_FALSE(parse_amount(wrong, true));
    CHECK_FALSE(parse_amount("1k", false));
    CHECK(amount_text(kUnlimited, true) == "unlimited");
    CHECK(amount_text(1536, true) == "1536");
    CHECK(amount_text(std::uint64_t{5} << 30, true) == "5g");
    CHECK(amount_text(2048, false) == "2048");
}

TEST_CASE("confinement: limits of resources") {
    const std::string bytes =
        R"('as' takes a number of bytes, "unlimited" or two of these, as in "8m:1g", not )";
    const std::string count =
        R"('nofile' takes a number, "unlimited" or two of these, as in "100:200", not )";
    check_all({
        {"rlimits = { };", "{ }"},
        {"rlimits = { nofile = 5; as = \"1m:2m\"; };", "{ nofile = \"5\"; as = \"1m:2m\"; }"},
        {"rlimits = { cpu = \"unlimited\"; core = \"0:unlimited\"; };",
         "{ cpu = \"unlimited\"; core = \"0:unlimited\"; }"},
        {"rlimits = 5;", "'rlimits' takes a group, as in { nofile = 256; as = \"1g\"; }, not 5"},
        {"rlimits = { nofiles = 5; };",
         "'rlimits' has no 'nofiles'\n  hint: did you mean 'nofile'?"},
        {"rlimits = { as = \"1x\"; };", bytes + "'1x'"},
        {"rlimits = { as = \"1:2:3\"; };", bytes + "'1:2:3'"},
        {"rlimits = { as = 99999999999; };", "the number of 'as' is too large"},
        {"rlimits = { nofile = \"1k\"; };", count + "'1k'"},
        {"rlimits = { nofile = -1; };", count + "-1"},
        {"rlimits = { nofile = true; };", count + "true"},
        {"rlimits = { nice = 41; };",
         R"('nice' takes a number up to 40, or two as in "0:40", not 41)"},
        {"rlimits = { cpu = \"unlimited:5\"; };", "the soft limit of 'cpu' is above the hard one"},
    });
}

TEST_CASE("confinement: priority of input and output") {
    const std::string expected =
        R"('ionice' takes "idle", or "best-effort" or "realtime" with a level from 0 to 7, )"
        R"(as in "best-effort:7", not )";
    check_all({
        {"ionice = \"idle\";", "\"idle\""},
        {"ionice = \"realtime\";", "\"realtime:4\""},
        {"ionice = \"best-effort:0\";", "\"best-effort:0\""},
        {"ionice = \"best-effort:8\";", expected + "'best-effort:8'"},
        {"ionice = \"best-effort:\";", expected + "'best-effort:'"},
        {"ionice = \"idle:1\";", expected + "'idle:1'"},
        {"ionice = \"best-efort\";",
         expected + "'best-efort'\n  hint: did you mean 'best-effort'?"},
        {"ionice = 4;", expected + "4"},
    });
}

TEST_CASE("confinement: groups") {
    const std::string expected =
        R"('groups' takes a list of names and numbers of groups, as in ("audio", 5), not )";
    check_all({
        {"groups = [];", "[]"},
        {"groups = (\"root\", 5, 5);", "[0, 5]"},
        {"groups = 5;", expected + "5"},
        {"groups = [\"rooot\"];", "'groups': unknown group 'rooot'\n  hint: did you mean 'root'?"},
        {"groups = [-1];", "'groups': unknown group '-1'"},
        {"groups = (true);", "'groups': true is not a group"},
    });
    const Loaded loaded = load("defaults = { groups = [5, 7]; };");
    REQUIRE(loaded.services.size() == 1);
    CHECK(loaded.services[0]->terms->account->groups == std::vector<gid_t>{getegid(), 5, 7});
    CHECK(loaded.services[0]->terms->account->chosen_groups);
}

TEST_CASE("confinement: flags and the root") {
    check_all({
        {"no_new_privileges = true;", "true"},
        {"private_network = true;", "true"},
        {"private_network = 1;", "'private_network' takes true or false, not 1"},
        {"chroot = \"/\";", "\"/\""},
        {"chroot = \"srv\";", "'chroot' takes the absolute path of a directory, not 'srv'"},
        {"chroot = \"/nonexistent\";", "'chroot': '/nonexistent': No such file or directory"},
        {"chroot = \"/etc/passwd\";", "'chroot': '/etc/passwd': Not a directory"},
    });
    const std::string both = effect("chroot = \"/etc\"; directory = \"/passwd\";");
    CHECK(both.starts_with("'directory': '/passwd' below '/etc': Not a directory\n"));
    CHECK(both.ends_with("program '/bin/cat' below '/etc': No such file or directory"));
    // Which directory it is, is known when both are.
    CHECK(dump(load("defaults = { directory = \"/proc\"; };"
                    "services = ( { name = \"@x\"; chroot = \"/usr\"; } );"))
              .find("s:1: error: 'directory': '/proc' below '/usr': No such file") !=
          std::string::npos);
}

#ifdef INETD_HAVE_LIBCAP
TEST_CASE("confinement: capabilities") {
    check_all({
        {"capabilities = [];", "[]"},
        {"capabilities = \"inherit\";", "\"inherit\""},
        {"capabilities = [\"CAP_KILL\", \"cap_chown\"];", "[\"cap_chown\", \"cap_kill\"]"},
        {"capabilities = \"cap_kill\";", "'capabilities' takes \"inherit\" or a list of strings, "
                                         "as in [\"cap_net_raw\"], not 'cap_kill'"},
        {"capabilities = [\"cap_net_bind_servce\"];",
         "'capabilities': 'cap_net_bind_servce' is not a capability\n"
         "  hint: did you mean 'cap_net_bind_service'?"},
        {"capabilities = [\"kill\"];",
         "'capabilities': 'kill' is not a capability\n  hint: did you mean 'cap_kill'?"},
        {"capabilities = [\"wings_of_an_eagle\"];",
         "'capabilities': 'wings_of_an_eagle' is not a capability\n"
         "  hint: capabilities(7) has their names"},
        {"capabilities = [5];", "'capabilities': 5 is not a capability"},
    });
}
#endif

TEST_CASE("confinement: paths of landlock") {
    const std::string list = "takes a list of absolute paths, as in [\"/usr\"], not ";
    check_all({
        {"landlock = { };", "{ }"},
        {"landlock = [\"/usr\"];",
         "'landlock' takes a group, as in { read_only = [\"/usr\"]; }, not a list"},
        {"landlock = { readonly = [\"/usr\"]; };",
         "'landlock' has no 'readonly'\n  hint: did you mean 'read_only'?"},
        {"landlock = { read_only = \"/usr\"; };", "'read_only' " + list + "'/usr'"},
        {"landlock = { read_write = [\"usr\"]; };", "'read_write': 'usr' is not an absolute path"},
        {"landlock = { read_write = [5]; };", "'read_write': 5 is not an absolute path"},
    });
    if (syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) <= 0) return;
    check_all({
        {"landlock = { read_write = [\"/tmp\"]; read_only = [\"/\"]; };",
         "{ read_only = [\"/\"]; read_write = [\"/tmp\"]; }"},
        {"landlock = { read_only = [\"/bin/cat\"]; };", "{ read_only = [\"/bin/cat\"]; }"},
    });
    CHECK(effect("landlock = { read_only = [\"/nonexistent\"]; };")
              .starts_with("'landlock': '/nonexistent': No such file or directory\n"));
    CHECK(effect("landlock = { read_only = [\"/etc\"]; };")
              .find("program '/bin/cat' is below no path of 'landlock'\n"
                    "  hint: without it, and its libraries, the server cannot start") !=
          std::string::npos);
}

TEST_CASE("confinement: control groups") {
    const std::string bytes =
        R"('memory_max' takes a number of bytes or "unlimited", as in 65536, "64m" or "2g", not )";
    const std::string part =
        R"('cpu_max' takes a part of one processor, as in "50%" or "200%", not )";
    const std::string files = R"('set' takes a list of strings, as in ["hugetlb.2MB.max=0"])";
    check_all({
        {"cgroup = { };", "{ }"},
        {"cgroup = { memory_max = \"64m\"; memory_high = 4096; memory_swap_max = \"unlimited\"; };",
         "{ memory_max = \"64m\"; memory_high = \"4k\"; memory_swap_max = \"unlimited\"; }"},
        {"cgroup = { tasks_max = 5; cpu_max = \"150%\"; };",
         "{ tasks_max = \"5\"; cpu_max = \"150%\"; }"},
        {"cgroup = { cpu_weight = 10; io_weight = \"20\"; };",
         "{ cpu_weight = 10; io_weight = 20; }"},
        {"cgroup = { set = [\"hugetlb.2MB.max=0\"]; };", "{ set = [\"hugetlb.2MB.max=0\"]; }"},
        {"cgroup = 5;",
         "'cgroup' takes a group, as in { memory_max = \"64m\"; tasks_max = 20; }, not 5"},
        {"cgroup = { memory = 5; };", "'cgroup' has no 'memory'"},
        {"cgroup = { task_max = 5; };",
         "'cgroup' has no 'task_max'\n  hint: did you mean 'tasks_max'?"},
        {"cgroup = { memory_max = \"5x\"; };", bytes + "'5x'"},
        {"cgroup = { memory_max = -1; };", bytes + "-1"},
        {"cgroup = { cpu_max = 50; };", part + "50"},
        {"cgroup = { cpu_max = \"0%\"; };", part + "'0%'"},
        {"cgroup = { cpu_weight = 0; };", "'cpu_weight' takes a number from 1 to 10000, not 0"},
        {"cgroup = { tasks_max = \"1k\"; };",
         "'tasks_max' takes a number or \"unlimited\", not '1k'"},
        {"cgroup = { set = \"a.b=1\"; };", files + ", not 'a.b=1'"},
        {"cgroup = { set = [\"cgroup.procs=1\"]; };",
         files + "; 'cgroup.procs=1' is none of these"},
        {"cgroup = { set = [\"../a.max=1\"]; };", files + "; '../a.max=1' is none of these"},
        {"cgroup = { set = [\"pids.max\"]; };", files + "; 'pids.max' is none of these"},
    });
    const Loaded loaded = load("defaults = { cgroup = { cpu_max = \"50%\"; io_weight = 7; }; };");
    REQUIRE(loaded.services.size() == 1);
    CHECK(loaded.services[0]->terms->surroundings->confinement.cgroup ==
          std::vector<GroupSetting>{{"cpu.max", "50000 100000"}, {"io.weight", "default 7"}});
}
