#include "process/control_group.h"

#include "base/text.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace inetd {

namespace fs = std::filesystem;

bool owns_control_group() {
    const char* pid = std::getenv("SYSTEMD_EXEC_PID");
    return pid != nullptr && to_number<pid_t>(pid, 1, INT32_MAX) == getpid();
}

// Where systemd mounts its tree: alone, beside those of version 1, or as one of them. Our group is
// named after "0::" or "name=systemd:" in /proc/self/cgroup, cgroups(7).
static fs::path own_directory() {
    std::ifstream file("/proc/self/cgroup");
    std::string line;
    while (std::getline(file, line)) {
        const auto at = line.find(":/");
        if (at == std::string::npos) continue;
        const bool unified = line.starts_with("0::");
        if (!unified && line.find(":name=systemd:") == std::string::npos) continue;
        std::string group = line.substr(at + 1);
        if (unified && fs::path(group).filename() == kMainGroup)
            group = fs::path(group).parent_path();
        for (const char* tree : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            if (unified && fs::exists(fs::path(tree + group) / "cgroup.procs")) return tree + group;
        }
        if (!unified && fs::exists("/sys/fs/cgroup/systemd" + group))
            return "/sys/fs/cgroup/systemd" + group;
    }
    return {};
}

static void add_members(const fs::path& directory, std::vector<pid_t>& members) {
    std::ifstream file(directory / "cgroup.procs");
    pid_t pid = 0;
    while (file >> pid)
        members.push_back(pid);
}

std::vector<pid_t> control_group_members() {
    std::vector<pid_t> members;
    const fs::path top = own_directory();
    // The root group is everybody's.
    if (top.empty() || top == "/sys/fs/cgroup/" || top == "/sys/fs/cgroup/unified/") return members;
    add_members(top, members);
    std::error_code gone;
    for (fs::recursive_directory_iterator item(top, gone), end; item != end; item.increment(gone)) {
        if (gone) break;
        if (item->is_directory(gone)) add_members(item->path(), members);
    }
    return members;
}

} // namespace inetd
