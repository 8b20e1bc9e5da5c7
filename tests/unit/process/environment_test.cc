#include "process/environment.h"

#include <algorithm>
#include <cstddef>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

using namespace inetd;

namespace {
std::string shown(const Environment& environment) {
    std::string text(environment.block());
    std::replace(text.begin(), text.end(), '\0', '\n');
    return text;
}
} // namespace

TEST_CASE("a service gets a clean environment") {
    const Account account{.user = "ftp", .home = "/srv/ftp", .shell = "/bin/false"};
    const char* daemons[] = {
        "LANG=C.UTF-8", "TZ=UTC", "LD_PRELOAD=/x.so", "NOTIFY_SOCKET=/n", "EDITOR=vi",
        "PATH=/odd",    nullptr};
    CHECK(shown(service_environment(account, {}, const_cast<char**>(daemons), false)) ==
          "LANG=C.UTF-8\nTZ=UTC\n"
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
          "USER=ftp\nLOGNAME=ftp\nHOME=/srv/ftp\nSHELL=/bin/false\n");
    CHECK(shown(service_environment(account, {}, const_cast<char**>(daemons), true)) ==
          "LANG=C.UTF-8\nTZ=UTC\nLD_PRELOAD=/x.so\nEDITOR=vi\nPATH=/odd\n"
          "USER=ftp\nLOGNAME=ftp\nHOME=/srv/ftp\nSHELL=/bin/false\n");
}

TEST_CASE("the settings pass variables on and replace others, each once") {
    const Account account{.user = "ftp", .home = "/srv/ftp", .shell = "/bin/false"};
    const char* daemons[] = {"LANG=C", "EDITOR=vi",     "PATH=/odd",
                             "EMPTY=", "REMOTE_ADDR=x", nullptr};
    const Surroundings surroundings{.env = {"HOME=/tmp", "A=b=c", "LANG=de", "E="},
                                    .pass_env = {"PATH", "EMPTY", "ABSENT"}};
    CHECK(shown(service_environment(account, surroundings, const_cast<char**>(daemons), false)) ==
          "PATH=/odd\nEMPTY=\nUSER=ftp\nLOGNAME=ftp\nSHELL=/bin/false\n"
          "HOME=/tmp\nA=b=c\nLANG=de\nE=\n");
    CHECK(shown(service_environment(account, {}, const_cast<char**>(daemons), true)) ==
          "LANG=C\nEDITOR=vi\nPATH=/odd\nEMPTY=\n"
          "USER=ftp\nLOGNAME=ftp\nHOME=/srv/ftp\nSHELL=/bin/false\n");
}

TEST_CASE("a peer appears in both families of names") {
    const auto peer = *SocketAddress::parse_ip("::ffff:192.0.2.9", 4711);
    const auto local = *SocketAddress::parse_ip("::ffff:192.0.2.1", 79);
    CHECK(shown(peer_environment(peer, local, IPPROTO_TCP)) ==
          "PROTO=TCP\n"
          "TCPLOCALIP=192.0.2.1\nTCPLOCALPORT=79\nSERVER_ADDR=192.0.2.1\nSERVER_PORT=79\n"
          "TCPREMOTEIP=192.0.2.9\nTCPREMOTEPORT=4711\nREMOTE_ADDR=192.0.2.9\nREMOTE_PORT=4711\n");
}

TEST_CASE("a wait service knows its own address only") {
    const auto local = *SocketAddress::parse_ip("::1", 69);
    CHECK(shown(peer_environment({}, local, IPPROTO_UDP)) ==
          "PROTO=UDP\nTCPLOCALIP=::1\nTCPLOCALPORT=69\nSERVER_ADDR=::1\nSERVER_PORT=69\n");
}

TEST_CASE("unix peers") {
    const auto local = *SocketAddress::unix_path("/run/x");
    CHECK(shown(peer_environment({}, local, 0)) ==
          "PROTO=UNIX\nUNIXLOCALPATH=/run/x\nSERVER_ADDR=/run/x\n");
}

TEST_CASE("the name of a unix peer is one variable, whatever bytes it has") {
    const auto local = *SocketAddress::unix_path("/run/x");
    const auto variables_of = [&](std::string_view name) {
        sockaddr_un from{.sun_family = AF_UNIX, .sun_path = {}};
        name.copy(from.sun_path, name.size());
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        return shown(peer_environment({&from, size}, local, 0));
    };
    const std::string own = "PROTO=UNIX\nUNIXLOCALPATH=/run/x\nSERVER_ADDR=/run/x\n";
    using namespace std::string_view_literals;
    CHECK(variables_of("/tmp/caf\xc3\xa9\0"sv) == own + "REMOTE_ADDR=/tmp/caf\xc3\xa9\n");
    CHECK(variables_of("\0peer"sv) == own + "REMOTE_ADDR=@peer\n");
    CHECK(variables_of("\0a\0LD_PRELOAD=/x.so\0\n"sv) ==
          own + "REMOTE_ADDR=@a\\x00LD_PRELOAD=/x.so\\x00\\x0a\n");
}

TEST_CASE("a value ends at its first NUL") {
    Environment environment;
    environment.set("A", std::string_view("b\0C=d", 5));
    environment.set("E", "");
    CHECK(shown(environment) == "A=b\nE=\n");
}
