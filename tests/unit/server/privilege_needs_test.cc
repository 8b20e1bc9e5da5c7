#include "server/privilege_needs.h"

#include "../own_terms.h"

#include <doctest/doctest.h>
#include <linux/capability.h>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

using namespace inetd;
using inetd::test::own_terms;

namespace {

constexpr std::uint64_t kHard = 4096;

PrivilegeFacts root() {
    PrivilegeFacts facts;
    facts.own.groups = {0};
    facts.hard_limit = [](int) { return kHard; };
    facts.is_closed = [](const std::string& path, int) { return path.starts_with("/closed"); };
    facts.most_buffer = 1000;
    return facts;
}

struct Line {
    ServiceConfig config;
    Account account;
    Surroundings around;

    // A built-in on a high port.
    explicit Line(std::uint16_t port = 8080) {
        config.name = "x";
        config.listen = {{*SocketAddress::parse_ip("0.0.0.0", port), SOCK_STREAM, IPPROTO_TCP}};
        config.builtin = Builtin::echo;
        account.groups = {0};
    }
    Line& run(uid_t uid) {
        config.builtin = Builtin::none;
        config.program = std::make_shared<Program>(Program{"/bin/cat", {"cat"}});
        account.uid = account.gid = uid;
        account.groups = {uid};
        return *this;
    }
    [[nodiscard]] std::string needs(const PrivilegeFacts& facts = root(),
                                    const DaemonSettings& settings = {}) {
        own_terms(config).account = std::make_shared<Account>(account);
        own_terms(config).surroundings = std::make_shared<Surroundings>(around);
        std::string text;
        for (const Need& need :
             privilege_needs(settings, {std::make_shared<ServiceConfig>(config)}, facts))
            text += std::to_string(need.capability) + " " + need.reason + "\n";
        return text;
    }
};

} // namespace

TEST_CASE("built-ins on high ports take nothing of root's power") {
    CHECK(Line().needs().empty());
    CHECK(Line(1024).needs().empty());
    CHECK(Line(0).needs().empty());
}

TEST_CASE("a low port is one that the kernel keeps for the privileged") {
    CHECK(Line(1023).needs() == "10 x: a low port\n");
    PrivilegeFacts facts = root();
    facts.first_free_port = 80;
    CHECK(Line(80).needs(facts).empty());
    CHECK(Line(79).needs(facts) == "10 x: a low port\n");
}

TEST_CASE("users to change to") {
    CHECK(Line().run(65534).needs() == "5 x: servers that are others' processes, or become that\n"
                                       "6 x: the groups of its servers\n"
                                       "7 x: the user of its servers\n");
    CHECK(Line().run(0).needs() == "5 x: servers that are others' processes, or become that\n");
    PrivilegeFacts facts = root();
    facts.own.groups = {};
    CHECK(Line().run(0).needs(facts).find("6 x: the groups") != std::string::npos);
    facts.own.uid = facts.own.gid = 1000;
    CHECK(Line().run(1000).needs(facts).empty());
}

TEST_CASE("options of sockets") {
    Line line;
    own_terms(line.config).socket.mark = 1;
    own_terms(line.config).socket.device = "lo";
    CHECK(line.needs() == "12 x: mark\n13 x: bind_to_device\n");
    Line buffers;
    own_terms(buffers.config).socket.receive_buffer = 1000;
    CHECK(buffers.needs().empty());
    own_terms(buffers.config).socket.receive_buffer = 1001;
    CHECK(buffers.needs() == "12 x: a buffer above the system's limit\n");
    Line datagrams;
    datagrams.config.listen.front().type = SOCK_DGRAM;
    CHECK(datagrams.needs().empty());
    CHECK(datagrams.run(0).needs().find("13 x: datagrams") != std::string::npos);
    Line owned;
    owned.config.listen = {{*SocketAddress::unix_path("/run/x"), SOCK_STREAM, 0}};
    CHECK(owned.needs().empty());
    own_terms(owned.config).socket.owner = 5;
    CHECK(owned.needs() == "0 x: the owner of its socket\n"
                           "3 x: the mode of its socket, which is another's\n");
    own_terms(owned.config).socket.owner = 0;
    own_terms(owned.config).socket.group = 5;
    CHECK(owned.needs() == "0 x: the group of its socket\n");
}

TEST_CASE("what confines a server is done by the daemon") {
    const auto has = [](Line& line, const std::string& what) {
        return line.run(0).needs().find(what) != std::string::npos;
    };
    Line line;
    line.around.nice = -1;
    line.around.confinement.root = "/srv";
    line.around.confinement.private_network = true;
    line.around.confinement.rlimits = {{RLIMIT_NOFILE, 1, kHard + 1}};
    CHECK(has(line, "18 x: chroot"));
    CHECK(has(line, "12 x: private_network"));
    CHECK(has(line, "21 x: private_network"));
    CHECK(has(line, "23 x: nice"));
    CHECK(has(line, "24 x: rlimits"));
    Line gentle;
    gentle.around.nice = 5;
    gentle.around.confinement.rlimits = {{RLIMIT_NOFILE, 1, kHard}};
    CHECK_FALSE(has(gentle, "23 "));
    CHECK_FALSE(has(gentle, "24 "));
    Line given;
    given.around.confinement.capabilities = CapabilitySet{1U << CAP_NET_RAW};
    CHECK(has(given, "8 x: capabilities"));
    CHECK(has(given, "13 x: capabilities"));
    Line bound;
    bound.around.confinement.no_new_privileges = true;
    CHECK(has(bound, "21 x: root with no_new_privs"));
    CHECK_FALSE(bound.run(7).needs().find("21 ") != std::string::npos);
}

TEST_CASE("files that root's user alone may not open") {
    Line line;
    own_terms(line.config).file = "/closed/inetd.conf";
    CHECK(line.needs() == "1 x: files that are others'\n");
    DaemonSettings settings;
    settings.log_target = "/closed/log";
    settings.control_group = 7;
    CHECK(Line().needs(root(), settings) == "0 control_group\n1 log_target\n");
    Line server;
    server.around.errors = "/closed/errors";
    CHECK(server.needs().empty());
    CHECK(server.run(0).needs().starts_with("1 x: files"));
}

TEST_CASE("names of clients are looked up by nobody") {
    Line line;
    own_terms(line.config).access.libwrap = true;
    CHECK(line.needs() == "5 x: look-ups of names that hang\n"
                          "6 x: names of clients, looked up by nobody\n"
                          "7 x: names of clients, looked up by nobody\n");
    PrivilegeFacts facts = root();
    facts.own.uid = 1000;
    CHECK(line.needs(facts).empty());
}

TEST_CASE("what clients send is parsed by nobody where there are no filters of system calls") {
    PrivilegeFacts facts = root();
    facts.can_filter_calls = false;
    Line user;
    own_terms(user.run(0).config).log_on_success = LogWords{LogWord::userid};
    CHECK(user.needs(facts).find("what clients send, parsed by nobody") != std::string::npos);
    for (const Builtin builtin : {Builtin::auth, Builtin::metrics, Builtin::tcpmux}) {
        Line server;
        server.config.builtin = builtin;
        CHECK(server.needs(facts).starts_with("5 x: a parser that hangs"));
        CHECK(server.needs().empty());
    }
    Line line;
    own_terms(line.config).proxy_protocol = true;
    CHECK(line.needs(facts) == "5 x: a parser that hangs\n"
                               "6 x: what clients send, parsed by nobody\n"
                               "7 x: what clients send, parsed by nobody\n");
    facts.own.uid = 1000;
    CHECK(line.needs(facts).empty());
}
