#include "config/keys.h"
#include "settings_cases.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/syscall.h>

using namespace inetd;
using namespace inetd::test;
namespace fs = std::filesystem;

static std::string text_of(const fs::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("the manual has an entry for each key, and for no other") {
    const std::string page = text_of(fs::path(INETD_SOURCE_ROOT) / "docs/man/inetd.cfg.5");
    REQUIRE_FALSE(page.empty());
    std::vector<std::string> documented;
    const std::string mark = "\n.It Ic ";
    for (auto at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
        const auto from = at + mark.size();
        documented.push_back(page.substr(from, page.find_first_of(" \n", from) - from));
    }
    std::vector<std::string> keys{"name", "protocol", "address"};
    for (const DaemonKey& key : daemon_keys())
        keys.emplace_back(key.name);
    for (const ServiceKey& key : service_keys())
        keys.emplace_back(key.name);
    std::sort(documented.begin(), documented.end());
    std::sort(keys.begin(), keys.end());
    CHECK(documented == keys);
}

// The sample's line with that text, where the machine or the build has nothing of the kind.
static void leave_out(std::string& sample, const std::string& text, bool is_there) {
    const auto at = sample.find(text);
    REQUIRE(at != std::string::npos);
    if (!is_there) sample.erase(at, sample.find('\n', at) - at);
}

TEST_CASE("the sample is good as it is, and with all that it proposes") {
    std::string sample = text_of(fs::path(INETD_SOURCE_ROOT) / "etc/inetd.cfg");
    REQUIRE_FALSE(sample.empty());
    const std::string conf = "echo stream tcp nowait root internal\n"
                             "127.0.0.1:time dgram udp wait root internal\n"
                             "ftp stream tcp nowait root /bin/cat\n"
                             "daytime stream tcp nowait root internal\n"
                             "8080 stream tcp wait root /bin/cat\n"
                             "/run/x.sock stream unix nowait root /bin/cat\n"
                             "/run/y.sock stream unix nowait root /bin/cat\n"
                             "5432 stream tcp nowait root internal redirect @db\n"
                             "80 stream tcp nowait root internal echo\n"
                             "23 stream tcp nowait root internal discard\n";
    if (geteuid() != 0) return;
    CHECK(load_config_text(conf, "t", plain(), sample).diagnostics.empty());
    // Prose is behind "//", and what is proposed behind "#".
    for (auto at = sample.find("\n#"); at != std::string::npos; at = sample.find("\n#", at))
        sample.erase(at + 1, 1);
#ifndef INETD_HAVE_LIBCAP
    leave_out(sample, "capabilities = ", false);
#endif
    leave_out(sample, "banner_fail = ", fs::exists("/etc/issue.net"));
#ifndef INETD_HAVE_LIBWRAP
    leave_out(sample, "libwrap = ", false);
#endif
    leave_out(sample, "landlock = ", syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0);
    const Loaded loaded = load_config_text(conf, "t", plain(), sample);
    CHECK(dump(loaded).find("error") == std::string::npos);
    CHECK(dump(loaded).find("warning") == std::string::npos);
    CHECK(loaded.services.size() == 9);
}
