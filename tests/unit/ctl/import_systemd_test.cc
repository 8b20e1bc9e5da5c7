#include "ctl/import_systemd.h"

#include "ctl/imported_text.h"
#include "ctl/unit_command.h"
#include "ctl/unit_values.h"

#include <doctest/doctest.h>

using namespace inetd::ctl;
using Words = std::vector<std::string>;

static Unit unit(const std::string& name, const std::string& text) {
    Unit made{.name = name, .file = name};
    parse_unit(text, name, made.settings);
    return made;
}

static const std::string kInetdStyle = "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n";

static Imported import(const std::string& socket, const std::string& service) {
    Imported all;
    const Unit started = unit("x@.service", service);
    import_unit(unit("x.socket", "[Socket]\n" + socket), &started, all);
    return all;
}

static std::string lines(const std::string& socket, const std::string& service = kInetdStyle) {
    Imported all = import(socket, service);
    std::string out;
    for (ImportedService& one : all.services) {
        Imported alone;
        one.notices.clear();
        alone.services = {one};
        const std::string text = conf_text(alone);
        out += text.substr(text.find('\n', 1) + 1);
    }
    return out;
}

static std::string setting(const Imported& all, const std::string& key) {
    for (const auto& [name, value] : all.services.front().settings)
        if (name == key) return value;
    return {};
}

static std::string said(const Imported& all) {
    return notices_text(all);
}

TEST_CASE("what a socket unit listens on") {
    struct {
        const char* socket;
        const char* line;
    } const cases[] = {
        {"ListenStream=22\nAccept=yes", "22 stream tcp nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=22", "22 stream tcp46 wait root /bin/cat /bin/cat\n"},
        {"ListenStream=22\nBindIPv6Only=ipv6-only", "22 stream tcp6 wait root /bin/cat /bin/cat\n"},
        {"ListenStream=[::]:22\nAccept=1", "22 stream tcp nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=0.0.0.0:22\nAccept=on", "22 stream tcp4 nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=192.0.2.1:22", "192.0.2.1:22 stream tcp4 wait root /bin/cat /bin/cat\n"},
        {"ListenStream=[2001:db8::1]:22",
         "[2001:db8::1]:22 stream tcp6 wait root /bin/cat /bin/cat\n"},
        {"ListenDatagram=69", "69 dgram udp46 wait root /bin/cat /bin/cat\n"},
        {"ListenDatagram=69\nSocketProtocol=udplite",
         "69 dgram udplite46 wait root /bin/cat /bin/cat\n"},
        {"ListenSequentialPacket=7", "7 seqpacket sctp46 wait root /bin/cat /bin/cat\n"},
        {"ListenStream=/run/x\nAccept=yes", "/run/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=@x\nAccept=yes", "@x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%t/%p\nAccept=yes", "/run/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%S/%p\nAccept=yes",
         "/var/lib/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%C/%p\nAccept=yes",
         "/var/cache/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%L/%p\nAccept=yes",
         "/var/log/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%E/%p\nAccept=yes", "/etc/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%T/%p\nAccept=yes", "/tmp/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=%V/%p\nAccept=yes",
         "/var/tmp/x stream unix nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=vsock::7\nAccept=yes", "7 stream vsock nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=vsock:2:7\nAccept=yes", "2:7 stream vsock nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=1\nListenStream=\nListenStream=2\nAccept=yes",
         "2 stream tcp nowait root /bin/cat /bin/cat\n"},
        {"ListenStream=1\nListenStream=2\nAccept=yes",
         "1 stream tcp nowait root /bin/cat /bin/cat\n2 stream tcp nowait root /bin/cat "
         "/bin/cat\n"},
    };
    for (const auto& [socket, line] : cases) {
        CAPTURE(socket);
        CHECK(lines(socket) == line);
    }
    for (const char* socket : {"ListenFIFO=/run/x", "ListenStream=host:22", "ListenStream=%i",
                               "ListenStream=vsock:1", "ListenStream=70000"}) {
        CAPTURE(socket);
        CHECK_FALSE(import(socket, kInetdStyle).services.front().left_out.empty());
    }
}

TEST_CASE("settings of a socket unit") {
    struct {
        const char* socket;
        const char* key;
        const char* value;
    } const cases[] = {
        {"Backlog=50", "backlog", "50"},
        {"Backlog=4294967295", "backlog", ""},
        {"SendBuffer=8M", "send_buffer", "\"8m\""},
        {"ReceiveBuffer=65536", "receive_buffer", "\"65536\""},
        {"KeepAlive=yes", "keepalive", "true"},
        {"NoDelay=true", "nodelay", "true"},
        {"ReusePort=yes", "reuse_port", "true"},
        {"FreeBind=yes", "freebind", "true"},
        {"BindToDevice=eth0", "bind_to_device", "\"eth0\""},
        {"Mark=7", "mark", "7"},
        {"IPTOS=low-delay", "tos", "\"lowdelay\""},
        {"IPTOS=16", "tos", "16"},
        {"DeferAcceptSec=1min", "defer_accept", "60"},
        {"MaxConnections=5", "instances", "5"},
        {"MaxConnections=5", "overflow", "\"refuse\""},
        {"MaxConnectionsPerSource=2", "per_source", "2"},
        {"TriggerLimitIntervalSec=10\nTriggerLimitBurst=50", "rate", "\"5/s burst 50\""},
        {"TriggerLimitIntervalSec=1min\nTriggerLimitBurst=50", "rate", "\"50/min burst 50\""},
        {"PollLimitBurst=15", "rate", "\"450/min burst 15\""},
        {"TriggerLimitIntervalSec=0", "rate", ""},
        {"IPAddressDeny=any\nIPAddressAllow=localhost 192.0.2.0/24", "only_from",
         R"(["127.0.0.0/8", "::1", "192.0.2.0/24"])"},
        {"IPAddressDeny=10.0.0.0/8", "no_access", R"(["10.0.0.0/8"])"},
        {"SocketMode=660", "socket_mode", ""},
    };
    for (const auto& [socket, key, value] : cases) {
        CAPTURE(socket);
        const std::string text = std::string("ListenStream=7\nAccept=yes\n") + socket;
        const Imported all = import(text, kInetdStyle);
        CHECK(setting(all, key) == value);
        CHECK(said(all).find("error") == std::string::npos);
    }
    const Imported lent = import("ListenStream=7\nIPAddressDeny=any\n", kInetdStyle);
    CHECK_FALSE(lent.services.front().enabled);
    CHECK(said(lent).find("IPAddressDeny: no counterpart") != std::string::npos);
    const Imported path =
        import("ListenStream=/run/x\nSocketMode=660\nSocketUser=a\nSocketGroup=b\n"
               "KeepAlive=yes\nMark=3\n",
               kInetdStyle);
    CHECK(setting(path, "socket_mode") == "\"0660\"");
    CHECK(setting(path, "socket_user") == "\"a\"");
    CHECK(setting(path, "socket_group") == "\"b\"");
    CHECK(setting(path, "keepalive").empty());
    CHECK(setting(path, "mark").empty());
}

TEST_CASE("settings of a service unit") {
    struct {
        const char* service;
        const char* key;
        const char* value;
    } const cases[] = {
        {"", "stderr", "\"journal\""},
        {"StandardError=socket", "stderr", ""},
        {"StandardOutput=socket", "stderr", ""},
        {"StandardError=null", "stderr", "\"null\""},
        {"StandardError=append:/var/log/x", "stderr", "\"/var/log/x\""},
        {"SupplementaryGroups=a b", "groups", R"(["a", "b"])"},
        {"WorkingDirectory=/srv", "directory", "\"/srv\""},
        {"RootDirectory=/jail", "chroot", "\"/jail\""},
        {"UMask=27", "umask", "\"0027\""},
        {"Nice=5", "nice", "5"},
        {"IOSchedulingClass=idle", "ionice", "\"idle\""},
        {"IOSchedulingPriority=7", "ionice", "\"best-effort:7\""},
        {"LimitNOFILE=64:256\nLimitAS=1G\nLimitCPU=1min", "rlimits",
         R"({ cpu = "60"; nofile = "64:256"; as = "1g"; })"},
        {"LimitCORE=infinity", "rlimits", R"({ core = "unlimited"; })"},
        {"NoNewPrivileges=yes", "no_new_privileges", "true"},
        {"PrivateNetwork=yes", "private_network", "true"},
        {"User=a\nAmbientCapabilities=CAP_NET_RAW", "capabilities", R"(["cap_net_raw"])"},
        {"CapabilityBoundingSet=CAP_CHOWN CAP_KILL", "capabilities",
         R"(["cap_chown", "cap_kill"])"},
        {"User=a\nCapabilityBoundingSet=CAP_CHOWN", "capabilities", ""},
        {"MemoryMax=64M\nCPUQuota=50%\nTasksMax=20", "cgroup",
         R"({ memory_max = "64m"; cpu_max = "50%"; tasks_max = 20; })"},
        {"RuntimeMaxSec=2h", "session_timeout", "\"7200000ms\""},
        {"Environment=A=b \"C=d e\" 'F=\"'", "env", R"(["A=b", "C=d e", "F=\""])"},
        {"Environment=A=b\nEnvironment=\nEnvironment=C=d", "env", R"(["C=d"])"},
        {"PassEnvironment=TZ LANG", "pass_env", R"(["TZ", "LANG"])"},
    };
    for (const auto& [service, key, value] : cases) {
        CAPTURE(service);
        const Imported all = import("ListenStream=7\nAccept=yes\n", kInetdStyle + service);
        CHECK(setting(all, key) == value);
        CHECK(said(all).find("error") == std::string::npos);
    }
    const std::string fds = "[Service]\nExecStart=/bin/cat\n";
    CHECK(setting(import("ListenStream=7\n", fds), "listen_fds") == "true");
    CHECK(setting(import("ListenStream=7\n", kInetdStyle), "listen_fds").empty());
    CHECK(said(import("ListenStream=7\nAccept=yes\n", fds)).find("LISTEN_FDS") !=
          std::string::npos);
}

TEST_CASE("who a service unit runs as") {
    const auto user = [](const std::string& text) {
        return import("ListenStream=7\n", kInetdStyle + text).services.front().user;
    };
    CHECK(user("") == "root");
    CHECK(user("User=a\nGroup=b") == "a:b");
    CHECK(user("Group=b") == "root:b");
    CHECK(user("DynamicUser=yes") == "nobody"); // and not root
}

TEST_CASE("what a unit has and inetd has not is said with its place") {
    const std::string all = said(import(
        "ListenStream=7\nListenStream=8\nPassCredentials=yes\n[Unit]\nAfter=y.target\n",
        kInetdStyle + "ProtectSystem=strict\nType=forking\nExecStartPre=/bin/true\nX-Mine=1\n"
                      "StandardOutput=journal\n[Install]\nWantedBy=z.target\n"));
    for (const char* wanted :
         {"x.socket:4: x.socket: PassCredentials: no counterpart: yes",
          "x.socket:6: x.socket: [Unit] After: no counterpart: y.target",
          "x@.service:4: x.socket: ProtectSystem: no counterpart: strict",
          "x@.service:5: x.socket: Type: no counterpart: a server that leaves",
          "x@.service:6: x.socket: ExecStartPre: no counterpart: /bin/true",
          "x@.service:8: x.socket: StandardOutput: no counterpart: goes to the client",
          "x@.service:10: x.socket: [Install] WantedBy: no counterpart: z.target",
          "its 2 sockets have a server each"})
        CHECK_MESSAGE(all.find(wanted) != std::string::npos, wanted << " in\n" << all);
    CHECK(all.find("X-Mine") == std::string::npos);
    CHECK(all.find("PassCredentials") == all.rfind("PassCredentials")); // not of each socket
}

TEST_CASE("a command line of systemd") {
    struct {
        const char* text;
        Words argv;
    } const cases[] = {
        {"/bin/x", {"/bin/x"}},
        {"-/bin/x -a  'b c' \"d e\"", {"/bin/x", "-a", "b c", "d e"}},
        {"@/bin/x y z", {"y", "z"}},
        {"/bin/x $ONE ${ONE} $MANY ${MANY} $NONE ${NONE}",
         {"/bin/x", "1", "1", "a", "b", "a b", ""}},
        {"/bin/x $$ONE a$ONE a${ONE}b", {"/bin/x", "$ONE", "a$ONE", "a1b"}},
        {":/bin/x $ONE", {"/bin/x", "$ONE"}},
        {R"(/bin/x a\sb \x41 \102 "\"" '\'')", {"/bin/x", "a b", "A", "B", "\"", "'"}},
        {"/bin/x a ; /bin/y", {"/bin/x", "a"}},
    };
    const Variables variables{{"ONE", "1"}, {"MANY", "a b"}};
    for (const auto& [text, argv] : cases) {
        CAPTURE(text);
        const auto command = unit_command(text, variables);
        REQUIRE(command);
        CHECK(command->argv == argv);
        CHECK(command->path == "/bin/x");
    }
    for (const char* text : {"", "-", "/bin/x 'a", "/bin/x \\", "/bin/x \\q", "/bin/x \\x4", ";"})
        CHECK_FALSE(unit_command(text, variables));
    CHECK(unit_command("cat -n", {})->path.ends_with("/cat"));
    CHECK(unit_command("no-such-program-anywhere", {})->path.empty());
}

TEST_CASE("a line feed has no place in inetd.conf") {
    const Imported all = import("ListenStream=7\n",
                                "[Service]\nExecStart=/bin/printf a\\nb\nStandardInput=socket\n");
    CHECK_FALSE(all.services.front().left_out.empty());
}

TEST_CASE("the lines of a unit") {
    const Unit read = unit("a.socket", "# c\n; c\n[Socket]\nA=1 \\\n# in between\n  2\nB = \n"
                                       "[Other]\nA=3\nnonsense\n");
    REQUIRE(read.settings.size() == 3);
    CHECK(read.settings[0].value == "1  2");
    CHECK(read.settings[0].line == 4);
    CHECK(read.settings[1].value.empty());
    CHECK(read.settings[2].section == "Other");
    CHECK(service_of(unit("a.socket", "")) == "a.service");
    CHECK(service_of(unit("a.socket", "[Socket]\nAccept=yes\n")) == "a@.service");
    CHECK(service_of(unit("a.socket", "[Socket]\nService=%p-b.service\n")) == "a-b.service");
}

TEST_CASE("times and sizes of systemd") {
    CHECK(unit_time("90")->count() == 90'000'000);
    CHECK(unit_time("1min 30s")->count() == 90'000'000);
    CHECK(unit_time("5 ms")->count() == 5000);
    CHECK(unit_time("infinity") == std::chrono::microseconds::max());
    for (const char* text : {"", "x", "5 parsecs", "99999999999999999999"})
        CHECK_FALSE(unit_time(text));
    CHECK(unit_size("64K") == "64k");
    CHECK(unit_size("infinity") == "unlimited");
    for (const char* text : {"", "10%", "K", "5X"})
        CHECK_FALSE(unit_size(text));
}
