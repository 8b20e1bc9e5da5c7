#include "systemd/notify.h"

#include "base/address.h"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>

using namespace inetd;

namespace {

// A directory for a supervisor's socket, and NOTIFY_SOCKET.
class World {
  public:
    World() {
        std::string pattern = "/tmp/inetd-notify-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        directory = pattern;
        path = directory + "/notify";
        say(path);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        unsetenv("NOTIFY_SOCKET");
        std::filesystem::remove_all(directory);
    }
    static void say(const std::string& where) { setenv("NOTIFY_SOCKET", where.c_str(), 1); }

    [[nodiscard]] Fd supervisor() const {
        Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto address = SocketAddress::unix_path(path);
        REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
        return fd;
    }

    std::string directory;
    std::string path;
};

// While it lives no descriptor is to be had.
class NoDescriptors {
  public:
    NoDescriptors() {
        REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit none{0, before_.rlim_max};
        REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

std::string told(const Fd& supervisor) {
    std::array<char, 100> text{};
    const ssize_t size = recv(supervisor.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(size > 0 ? size : 0)};
}

} // namespace

TEST_CASE("a supervisor that listens is told") {
    const World world;
    const Fd supervisor = world.supervisor();
    NotifySocket socket;
    CHECK(socket.present());
    socket.send("READY=1");
    CHECK(told(supervisor) == "READY=1");
}

TEST_CASE("where there is no socket there is no supervisor") {
    const World world;
    CHECK_FALSE(NotifySocket().present()); // ENOENT
    CHECK(world.supervisor());
    World::say(world.path + "/x");
    CHECK_FALSE(NotifySocket().present()); // ENOTDIR
    for (const char* strange : {"", "/", "@", "notify", "vsock:2:1234"}) {
        World::say(strange);
        CHECK_FALSE(NotifySocket().present());
    }
}

TEST_CASE("a supervisor that refuses may be there again") {
    const World world;
    CHECK(world.supervisor());
    NotifySocket socket;
    CHECK(socket.present());
    std::filesystem::remove(world.path);
    const Fd supervisor = world.supervisor();
    socket.send("READY=1");
    CHECK(told(supervisor) == "READY=1");
}

TEST_CASE("a supervisor stays one that cannot be reached for want of a descriptor") {
    const World world;
    const Fd supervisor = world.supervisor();
    auto full = std::make_optional<NoDescriptors>();
    NotifySocket socket;
    socket.send("READY=1");
    const bool present = socket.present();
    const bool later = socket.resend() == NotifySocket::Outcome::later;
    full.reset();
    CHECK(present);
    CHECK(later);
    CHECK(socket.resend() == NotifySocket::Outcome::done);
    CHECK(told(supervisor) == "READY=1");
}

TEST_CASE("what waits for a supervisor that turns out to be none is dropped") {
    const World world;
    auto full = std::make_optional<NoDescriptors>();
    NotifySocket socket;
    socket.send("READY=1");
    socket.send("STATUS=x");
    full.reset();
    CHECK(socket.present());
    CHECK(socket.resend() == NotifySocket::Outcome::done);
    CHECK_FALSE(socket.present());
}
