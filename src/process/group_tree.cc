#include "process/group_tree.h"

#include "process/control_group.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace inetd {

static constexpr mode_t kMode = 0755;

static Result<void> write_file(int directory, const std::string& name, const std::string& text) {
    const Fd file(openat(directory, name.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), text.data(), text.size()) < 0) return errno_error(name);
    return {};
}

// These files are made on being read and short.
static Result<std::string> read_file(int directory, const std::string& name) {
    const Fd file(openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 4096> part{};
    ssize_t size = -1;
    while (file && (size = read(file.get(), part.data(), part.size())) > 0)
        text.append(part.data(), static_cast<std::size_t>(size));
    if (size < 0) return errno_error(name);
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

static bool has_word(const std::string& text, const std::string& word) {
    std::istringstream words(text);
    return std::find(std::istream_iterator<std::string>(words), {}, word) !=
           std::istream_iterator<std::string>();
}

// Our own group as a directory: the line "0::" of /proc/self/cgroup below the mount of "cgroup2".
static std::string own_directory() {
    std::ifstream own("/proc/self/cgroup");
    std::string path;
    for (std::string line; std::getline(own, line);)
        if (line.starts_with("0::")) path = line.substr(3);
    // An instance before us that started us has moved us down already.
    const auto slash = path.rfind('/');
    if (slash != std::string::npos && path.substr(slash + 1) == kMainGroup) path.erase(slash);
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; !path.empty() && std::getline(mounts, line);) {
        if (line.find(" - cgroup2 ") == std::string::npos) continue;
        std::istringstream fields(line);
        std::string skipped;
        std::string root;
        std::string place;
        fields >> skipped >> skipped >> skipped >> root >> place;
        // A container may have just a part of the tree mounted.
        if (root != "/" && !path.starts_with(root)) continue;
        return place + (root == "/" ? path : path.substr(root.size()));
    }
    return {};
}

// systemd marks what it has delegated, and tells the others to keep out of its tree.
static bool is_delegated(int directory) {
    if (access("/run/systemd/system", F_OK) != 0) return true;
    for (const char* mark : {"user.delegate", "trusted.delegate"}) {
        char value = 0;
        if (fgetxattr(directory, mark, &value, 1) == 1 && value == '1') return true;
    }
    return false;
}

Result<void> GroupTree::move_down(const std::string& own) const {
    // The root of the whole tree may have processes, and has those of the kernel.
    if (faccessat(top_.get(), "cgroup.type", F_OK, 0) != 0) return {};
    const std::string down = fmt::format("{}/{}", own, kMainGroup);
    if (mkdirat(top_.get(), kMainGroup.data(), kMode) != 0 && errno != EEXIST)
        return errno_error("make " + down);
    // What is born while we look is found when we look again.
    for (int i = 0; i < 100; ++i) {
        const auto members = read_file(top_.get(), "cgroup.procs");
        if (!members)
            return Error{fmt::format("{}/{}", own, members.error().what), members.error().code};
        if (members->empty()) return {};
        std::istringstream pids(*members);
        for (std::string pid; pids >> pid;) {
            const auto moved =
                write_file(top_.get(), fmt::format("{}/cgroup.procs", kMainGroup), pid);
            if (!moved && moved.error().code != ESRCH)
                return Error{"move to " + down, moved.error().code};
        }
    }
    return Error{own + " does not become empty", EBUSY};
}

Result<void> GroupTree::prepare() {
    if (top_) return {};
    const std::string own = own_directory();
    if (own.empty()) return Error{"no control groups of version 2 are mounted", 0};
    top_.reset(open(own.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!top_) return errno_error(own);
    Result<void> done;
    if (!is_delegated(top_.get()))
        done = Error{own + " is not delegated to inetd (Delegate=yes)", 0};
    if (done) done = move_down(own);
    if (!done) top_.reset();
    return done;
}

// The controller that a file belongs to is the first part of its name.
Result<void> GroupTree::enable(const std::string& file) {
    const std::string controller = file.substr(0, file.find('.'));
    if (controller == "cgroup") return {};
    const auto enabled = read_file(top_.get(), "cgroup.subtree_control");
    if (enabled && has_word(*enabled, controller)) return {};
    const auto offered = read_file(top_.get(), "cgroup.controllers");
    if (offered && !has_word(*offered, controller))
        return Error{fmt::format("{}: there is no controller '{}' here, just '{}'", file,
                                 controller, *offered),
                     0};
    return write_file(top_.get(), "cgroup.subtree_control", "+" + controller);
}

Result<std::shared_ptr<const ServiceGroup>>
GroupTree::take(const std::string& name, const std::vector<GroupSetting>& settings) {
    if (auto ready = prepare(); !ready) return ready.error();
    for (const GroupSetting& setting : settings)
        if (auto done = enable(setting.file); !done) return done.error();
    given_up_.erase(name);
    auto& group = groups_[name];
    if (group == nullptr) {
        // One that an instance before us has left with its limits; if it is in use, it is kept.
        unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR);
        if (mkdirat(top_.get(), name.c_str(), kMode) != 0 && errno != EEXIST)
            return errno_error("make " + name);
        Fd directory(openat(top_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory) return errno_error(name);
        group = std::make_shared<ServiceGroup>();
        group->directory = std::move(directory);
    }
    const int directory = group->directory.get();
    for (const auto& before : group->originals) {
        const bool stays = std::any_of(settings.begin(), settings.end(), [&](const auto& setting) {
            return setting.file == before.first;
        });
        if (stays) continue;
        if (auto done = write_file(directory, before.first, before.second); !done)
            return done.error();
    }
    for (const GroupSetting& setting : settings) {
        if (const auto before = read_file(directory, setting.file))
            group->originals.try_emplace(setting.file, *before);
        if (auto done = write_file(directory, setting.file, setting.value); !done)
            return done.error();
    }
    return std::shared_ptr<const ServiceGroup>(group);
}

void GroupTree::sweep() {
    for (auto item = groups_.begin(); item != groups_.end();) {
        const bool used = item->second != nullptr && item->second.use_count() > 1;
        if (!used) given_up_.insert(item->first);
        item = used ? std::next(item) : groups_.erase(item);
    }
    tidy();
}

void GroupTree::tidy() {
    for (auto name = given_up_.begin(); name != given_up_.end();) {
        const bool gone = unlinkat(top_.get(), name->c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
        name = gone ? given_up_.erase(name) : std::next(name);
    }
}

// What still has processes stays.
GroupTree::~GroupTree() {
    for (const auto& [name, group] : groups_)
        unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR);
    tidy();
}

// The protocol at its end keeps it apart from the kernel's files and from our own group.
std::string group_name(const ServiceConfig& service) {
    std::string text = service.name + "-" + service.terms->protocol;
    if (!service.listen.empty()) {
        const SocketAddress& address = service.listen.front().address;
        if (address.is_ip() && !address.is_wildcard()) text = address.host() + "-" + text;
    }
    std::string name;
    for (const char c : text)
        name += c == '/' || c == '%' ? fmt::format("%{:02x}", static_cast<unsigned>(c))
                                     : std::string(1, c);
    return name;
}

} // namespace inetd
