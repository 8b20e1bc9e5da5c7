#include "systemd/journal_stream.h"

#include "../log/reader.h"

#include <fcntl.h>
#include <vector>

using namespace inetd;
using namespace inetd::test;

static Fd listen_at(const std::string& path, int backlog) {
    Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = SocketAddress::unix_path(path);
    REQUIRE(bind(listener.get(), address->data(), address->size()) == 0);
    REQUIRE(listen(listener.get(), backlog) == 0);
    return listener;
}

TEST_CASE("journal stream: the header, then what is written") {
    const Directory directory;
    const std::string path = directory.path + "/stdout";
    const Fd listener = listen_at(path, 5);
    auto stream = open_journal_stream("a\nb", 6, path);
    REQUIRE(stream);
    CHECK((fcntl(stream->get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK((fcntl(stream->get(), F_GETFD) & FD_CLOEXEC) != 0);
    REQUIRE(write(stream->get(), "line\n", 5) == 5);
    stream->reset();
    const Fd peer(accept(listener.get(), nullptr, nullptr));
    std::string text(100, '\0');
    const ssize_t size = recv(peer.get(), text.data(), text.size(), MSG_WAITALL);
    text.resize(static_cast<std::size_t>(size));
    CHECK(text == "a\\x0ab\n\n6\n1\n0\n0\n0\nline\n");
}

TEST_CASE("journal stream: a journal that accepts nobody is an error, not a wait") {
    const Directory directory;
    const std::string path = directory.path + "/stdout";
    const Fd listener = listen_at(path, 2);
    std::vector<Fd> streams;
    for (;;) {
        REQUIRE(streams.size() < 100);
        auto stream = open_journal_stream("x", 6, path);
        if (!stream) {
            CHECK(stream.error().code == EAGAIN);
            break;
        }
        streams.push_back(*std::move(stream));
    }
    CHECK(open_journal_stream("x", 6, "/nonexistent").error().code == ENOENT);
}
