#include "process/sandbox_child.h"

#include "process/raw_call.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
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
        done = raw(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, plan.io_priority);
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
    return raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
}

} // namespace inetd
