#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "log/log.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd::test {

// A directory of its own, gone with everything in it at the end.
struct Directory {
    std::string path = "/tmp/inetd-unit-XXXXXX";
    Directory() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
};

// The other end of a log: a unix datagram socket with a name.
struct Reader {
    Fd fd;

    explicit Reader(const std::string& path) {
        unlink(path.c_str());
        fd.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto address = SocketAddress::unix_path(path);
        REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
    }

    // The next datagram, or "" if there is none. If it came as a descriptor, that is left in
    // `memory` and its content returned.
    std::string next(Fd* memory = nullptr) const {
        std::string text(std::size_t{1} << 20, '\0');
        iovec part{text.data(), text.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = recvmsg(fd.get(), &message, MSG_CMSG_CLOEXEC);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        const cmsghdr* header = size < 0 ? nullptr : CMSG_FIRSTHDR(&message);
        if (header == nullptr || memory == nullptr) return text;
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
        memory->reset(descriptor);
        struct stat status {};
        REQUIRE(fstat(descriptor, &status) == 0);
        text.resize(static_cast<std::size_t>(status.st_size));
        REQUIRE(pread(descriptor, text.data(), text.size(), 0) == status.st_size);
        return text;
    }

    [[nodiscard]] std::size_t count() const {
        std::size_t number = 0;
        while (!next().empty())
            ++number;
        return number;
    }
};

inline void say(log::Sink& sink, log::Level level, std::string_view text,
                const log::About& about = {}) {
    sink.write({level, text, about});
}

} // namespace inetd::test
