#include "spawning.h"

using namespace inetd;
using namespace inetd::test;

TEST_CASE("a user that cannot be taken is reported as such") {
    if (geteuid() != 0) return;
    const Account account{.user = "none", .uid = static_cast<uid_t>(-1), .gid = 1, .groups = {1}};
    with_each_method([&](Spawner& spawner, bool large) {
        // setresuid(2) takes -1 as "leave it", so the impossible is a group that no file system
        // has.
        Account broken = account;
        broken.uid = 1;
        broken.gid = static_cast<gid_t>(-2);
        broken.groups.assign(70000, 1); // more than NGROUPS_MAX
        const auto outcome = run(spawner, shell("id -u"), large, &broken);
        REQUIRE(outcome.reports.size() == 1);
        CHECK(outcome.reports[0].stage == SpawnStage::groups);
        CHECK(outcome.reports[0].code == EINVAL);
    });
}

TEST_CASE("a child takes user, group and supplementary groups") {
    if (geteuid() != 0) return;
    const Account account{.user = "nobody", .uid = 65534, .gid = 65534, .groups = {65534, 4}};
    with_each_method([&](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, shell("id -u; id -g; id -G"), large, &account);
        CHECK(outcome.output == "65534\n65534\n65534 4\n");
    });
}

TEST_CASE("a child takes directory, umask and priority") {
    const Surroundings around{.directory = "/usr", .umask = 027, .nice = 7};
    const Surroundings plain;
    with_each_method([&](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, shell("pwd; umask; nice"), large, nullptr, &around);
        CHECK(outcome.output == "/usr\n0027\n7\n");
        CHECK(run(spawner, shell("umask"), large, nullptr, &plain).output == "0022\n");
    });
}

TEST_CASE("a directory that is gone is reported with its stage") {
    const Surroundings around{.directory = "/nonexistent/place"};
    with_each_method([&](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, shell("pwd"), large, nullptr, &around);
        REQUIRE(outcome.reports.size() == 1);
        CHECK(outcome.reports[0].stage == SpawnStage::directory);
        CHECK(outcome.reports[0].code == ENOENT);
    });
}

TEST_CASE("a directory must be open to the account, and a lower priority to root") {
    if (geteuid() != 0) return;
    const Account nobody{.user = "nobody", .uid = 65534, .gid = 65534, .groups = {65534}};
    const Surroundings closed{.directory = "/root"};
    const Surroundings hasty{.nice = -5};
    with_each_method([&](Spawner& spawner, bool large) {
        if (access("/root", F_OK) == 0) {
            const auto outcome = run(spawner, shell("pwd"), large, &nobody, &closed);
            REQUIRE(outcome.reports.size() == 1);
            CHECK(outcome.reports[0].stage == SpawnStage::directory);
            CHECK(outcome.reports[0].code == EACCES);
        }
        CHECK(run(spawner, shell("nice"), large, &nobody, &hasty).output == "-5\n");
    });
}
