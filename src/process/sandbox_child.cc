#include "process/sandbox_child.h"

#include "process/raw_call.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace inetd {

// A network of its own is born with its loopback down.
INETD_RAW static long raise_loopback() {
    const long socket = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return socket;
    ifreq request;
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_name[2] = '\0';
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    const long done = raw(SYS_ioctl, socket, SIOCSIFFLAGS, reinterpret_cast<long>(&request));
    raw(SYS_close, socket);
    return done;
}

// chroot(2) leaves the working directory outside.
INETD_RAW static long change_root(const char* root) {
    const long done = raw(SYS_chroot, reinterpret_cast<long>(root));
    return done < 0 ? done : raw(SYS_chdir, reinterpret_cast<long>("/"));
}

// The rights that a rule on something other than a directory may have.
static constexpr std::uint64_t kFileRights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    kLandlockTruncate | kLandlockIoctlDev;

INETD_RAW static long add_rule(int ruleset, long place, std::uint64_t rights) {
    landlock_path_beneath_attr rule;
    rule.allowed_access = rights;
    rule.parent_fd = static_cast<int>(place);
    return raw(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
               reinterpret_cast<long>(&rule), 0);
}

INETD_RAW static long allow(int ruleset, const SandboxPlan::Path& path) {
    const long place =
        raw(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path.path), O_PATH | O_CLOEXEC);
    if (place < 0) return place;
    long done = add_rule(ruleset, place, path.rights);
    if (done == -EINVAL) done = add_rule(ruleset, place, path.rights & kFileRights);
    raw(SYS_close, place);
    return done;
}

// Each time anew and by name: files that are replaced by others are found, too. While root, or a
// path below a directory that is closed to the account could not be named.
INETD_RAW static long make_ruleset(const SandboxPlan& plan, SpawnProgress& progress) {
    progress.stage = SpawnStage::landlock;
    const std::uint64_t handled = plan.handled; // the whole of the first ABI's attributes
    const long ruleset =
        raw(SYS_landlock_create_ruleset, reinterpret_cast<long>(&handled), sizeof handled, 0);
    if (ruleset < 0) return ruleset;
    progress.ruleset = static_cast<int>(ruleset);
    progress.stage = SpawnStage::paths;
    for (std::size_t i = 0; i < plan.path_count; ++i) {
        progress.item = static_cast<int>(i);
        const long done = allow(progress.ruleset, plan.paths[i]);
        if (done < 0) return done;
    }
    progress.item = -1;
    return 0;
}

// After everything else that a lower limit could stand in the way of.
INETD_RAW static long set_limits(const SandboxPlan& plan, SpawnProgress& progress) {
    progress.stage = SpawnStage::limits;
    for (std::size_t i = 0; i < plan.limit_count; ++i) {
        progress.item = static_cast<int>(i);
        const SandboxPlan::Limit& limit = plan.limits[i];
        const long done =
            raw(SYS_prlimit64, 0, limit.resource, reinterpret_cast<long>(&limit.value), 0);
        if (done < 0) return done;
    }
    progress.item = -1;
    return 0;
}

// capabilities(7): what is out of the bounding set no exec gives back. The permitted ones outlive
// the change of the user until the exec if that was asked for.
INETD_RAW static long bound_capabilities(const SandboxPlan& plan, SpawnProgress& progress) {
    if (!plan.set_capabilities) return 0;
    progress.stage = SpawnStage::capabilities;
    for (std::size_t i = 0; i < plan.dropped_count; ++i) {
        const long done = raw(SYS_prctl, PR_CAPBSET_DROP, plan.dropped[i]);
        if (done < 0) return done;
    }
    return raw(SYS_prctl, PR_SET_KEEPCAPS, 1);
}

INETD_RAW long confine_before_account(const SandboxPlan& plan, SpawnProgress& progress) {
    long done = 0;
    if (plan.io_priority >= 0) {
        progress.stage = SpawnStage::io_priority;
        constexpr int kWhoProcess = 1; // of linux/ioprio.h: see config/confinement.h
        done = raw(SYS_ioprio_set, kWhoProcess, 0, plan.io_priority);
        if (done < 0) return done;
    }
    if (plan.private_network) {
        progress.stage = SpawnStage::network;
        done = raw(SYS_unshare, CLONE_NEWNET);
        if (done >= 0) done = raise_loopback();
        if (done < 0) return done;
    }
    if (plan.root != nullptr) {
        progress.stage = SpawnStage::root;
        done = change_root(plan.root);
        if (done < 0) return done;
    }
    if (plan.path_count != 0) {
        done = make_ruleset(plan, progress);
        if (done < 0) return done;
    }
    done = set_limits(plan, progress);
    return done < 0 ? done : bound_capabilities(plan, progress);
}

INETD_RAW long confine_after_account(const SandboxPlan& plan, SpawnProgress& progress) {
    if (!plan.set_capabilities) return 0;
    progress.stage = SpawnStage::capabilities;
    const auto low = static_cast<std::uint32_t>(plan.capabilities);
    const auto high = static_cast<std::uint32_t>(plan.capabilities >> 32U);
    __user_cap_header_struct header;
    header.version = _LINUX_CAPABILITY_VERSION_3;
    header.pid = 0;
    __user_cap_data_struct sets[2];
    sets[0].effective = sets[0].permitted = sets[0].inheritable = low;
    sets[1].effective = sets[1].permitted = sets[1].inheritable = high;
    long done = raw(SYS_capset, reinterpret_cast<long>(&header), reinterpret_cast<long>(sets));
    for (unsigned i = 0; plan.ambient && done >= 0 && i < 64; ++i) {
        if ((plan.capabilities >> i & 1U) != 0)
            done = raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i);
    }
    return done;
}

INETD_RAW long confine_at_last(const SandboxPlan& plan, SpawnProgress& progress) {
    if (!plan.no_new_privileges) return 0;
    progress.stage = SpawnStage::no_new_privileges;
    const long done = raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
    if (done < 0 || progress.ruleset < 0) return done;
    progress.stage = SpawnStage::landlock;
    return raw(SYS_landlock_restrict_self, progress.ruleset, 0);
}

} // namespace inetd
