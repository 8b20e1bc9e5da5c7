#include "ctl/settings_file.h"

#include "base/fd.h"
#include "ctl/daemon_program.h"
#include "ctl/settings_edit.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd::ctl {

static Result<void> write_all(int fd, const std::string& text, const std::string& name) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t written = write(fd, text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_error("write " + name);
        done += static_cast<std::size_t>(written);
    }
    // It must not be empty after a crash.
    if (fsync(fd) != 0) return errno_error("fsync " + name);
    return {};
}

// The file's own name in messages of the check, and not that of its draft.
static std::string renamed(std::string text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

static Result<void> put(const std::string& path, const std::string& text,
                        const std::vector<std::string>& files) {
    std::string draft = path + ".XXXXXX";
    const Fd fd(mkostemp(draft.data(), O_CLOEXEC));
    if (!fd) return errno_error("create " + draft);
    struct stat old {};
    const bool exists = stat(path.c_str(), &old) == 0;
    Result<void> done = write_all(fd.get(), text, draft);
    // The group first: chown(2) may take away what the mode gives.
    if (done && exists && fchown(fd.get(), old.st_uid, old.st_gid) != 0)
        done = errno_error("chown " + draft);
    if (done && fchmod(fd.get(), exists ? old.st_mode & 07777 : 0644) != 0)
        done = errno_error("chmod " + draft);
    if (done) {
        if (const auto right = check_configuration(draft, files); !right)
            done = Error{renamed(right.error().text(), draft, path), 0};
    }
    if (done && rename(draft.c_str(), path.c_str()) != 0) done = errno_error("rename to " + path);
    if (!done) unlink(draft.c_str());
    return done;
}

// "ftp/tcp" is a name and a protocol; "/run/x.sock" and "tcpmux/foo" are names.
static std::pair<std::string, std::string> parts_of(const std::string& service) {
    const std::size_t slash = service.rfind('/');
    const std::string_view protocol =
        slash == std::string::npos ? "" : std::string_view(service).substr(slash + 1);
    static constexpr std::string_view kProtocols[] = {"tcp",  "udp",   "sctp", "mptcp", "udplite",
                                                      "unix", "vsock", "raw",  "ip"};
    const std::string_view plain = protocol.substr(0, protocol.find_last_not_of("46") + 1);
    const bool known =
        std::find(std::begin(kProtocols), std::end(kProtocols), plain) != std::end(kProtocols);
    if (slash == 0 || !known) return {service, {}};
    return {service.substr(0, slash), std::string(protocol)};
}

Result<bool> save_enabled(const std::string& path, const std::vector<std::string>& files,
                          const std::string& service, bool enabled) {
    std::error_code none;
    const auto real = std::filesystem::canonical(path, none);
    const std::string file = none ? path : real.string(); // a link stays one
    std::string text;
    if (!none) {
        std::ifstream stream(file, std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(stream), {});
        if (!stream) return errno_error("read " + file);
    }
    const auto [name, protocol] = parts_of(service);
    const auto edited = with_enabled(text, name, protocol, enabled);
    if (!edited) return Error{file + ": " + edited.error().text(), 0};
    if (*edited == text) return false;
    if (const auto done = put(file, *edited, files); !done) return done.error();
    return true;
}

} // namespace inetd::ctl
