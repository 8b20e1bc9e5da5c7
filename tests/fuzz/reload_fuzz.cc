#include "control/client.h"
#include "event/signals.h"
#include "log/log.h"
#include "log/stream_sink.h"
#include "reload_model.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <grp.h>
#include <iostream>
#include <iterator>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

// A whole daemon on the real kernel, in a network namespace of its own. One thread is the daemon,
// the other gives it one configuration after the other and looks at what the kernel says that it
// listens on: what the model says, and no more; by the same socket as before where one was
// listened on before; and whoever comes to a built-in service is served.

using namespace inetd;

namespace {

using Inodes = std::map<model::Socket, std::string>;

std::string directory;

[[noreturn]] void fail(const std::string& why, const std::string& text) {
    log::drain();
    std::cerr << why << "\n--- configuration:\n"
              << text << "--- messages:\n"
              << std::ifstream(directory + "/log").rdbuf();
    std::abort();
}

// Of a table in /proc/self/net, without its titles.
std::vector<std::vector<std::string>> rows_of(const std::string& table) {
    std::ifstream stream("/proc/self/net/" + table);
    std::vector<std::vector<std::string>> rows;
    std::string line;
    std::getline(stream, line);
    while (std::getline(stream, line)) {
        std::istringstream fields(line);
        rows.emplace_back(std::istream_iterator<std::string>(fields),
                          std::istream_iterator<std::string>());
    }
    return rows;
}

// Columns as in proc(5).
void add_ip_sockets(Inodes& found, const std::string& table, int type, std::string_view state) {
    for (const auto& row : rows_of(table))
        if (row.at(3) == state) found[{table, row.at(1), type}] = row.at(9);
}

void add_unix_sockets(Inodes& found) {
    for (const auto& row : rows_of("unix")) {
        if (row.size() < 8) continue; // without a name
        const std::string& path = row[7];
        const int type = std::stoi(row[4]);
        constexpr unsigned long kListens = 0x10000; // __SO_ACCEPTCON
        const bool listens = (std::stoul(row[3], nullptr, 16) & kListens) != 0;
        if (path.ends_with("/socket") || path.ends_with("@socket")) {
            // An accepted connection has the name of the socket that it came to.
            if (listens || type == SOCK_DGRAM) found[{"unix", path, type}] = row[6];
        }
    }
}

Inodes what_is_listened_on() {
    Inodes found;
    for (const char* table : {"tcp", "tcp6"})
        add_ip_sockets(found, table, SOCK_STREAM, "0A");
    for (const char* table : {"udp", "udp6"})
        add_ip_sockets(found, table, SOCK_DGRAM, "07");
    add_unix_sockets(found);
    return found;
}

// A client of an IPv4 socket; the other families take the same way in the daemon.
void visit(const model::Socket& socket, const std::string& text) {
    if (socket.table != "tcp") return;
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = static_cast<in_addr_t>(std::stoul(socket.address, nullptr, 16));
    if (to.sin_addr.s_addr == 0) to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoul(socket.address.substr(9), nullptr, 16)));
    std::array<char, 8> answer{};
    pollfd ready{fd.get(), POLLIN, 0};
    constexpr int kPatience = 10000; // ms
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
        write(fd.get(), "hello", 5) != 5 || poll(&ready, 1, kPatience) != 1 ||
        read(fd.get(), answer.data(), answer.size()) != 5)
        fail(fmt::format("no answer at {} {}", socket.table, socket.address), text);
}

class Checker {
  public:
    // What the daemon has been started with.
    explicit Checker(const model::Configuration& first) { look(first); }

    void reload(const model::Configuration& next) {
        const auto client = [&] {
            auto connected = control::Client::connect(directory + "/control");
            if (!connected) fail(connected.error().text(), next.text);
            return std::move(*connected);
        };
        write_configuration(next);
        const auto reply = client().call("io.inetd.Control.Reload");
        if (!reply || !reply->error.empty()) fail("the reload is not answered", next.text);
        if (reply->parameters.at("applied") != next.valid)
            fail(reply->parameters.dump(2), next.text);
        look(next.valid ? next : now_);
    }

    static void write_configuration(const model::Configuration& configuration) {
        std::ofstream(directory + "/inetd.conf") << configuration.text;
    }

  private:
    void look(const model::Configuration& wanted) {
        Inodes found = what_is_listened_on();
        Inodes identified;
        for (const auto& [socket, echoes] : wanted.sockets) {
            auto node = found.extract({socket.table, socket.address, socket.type});
            if (node.empty())
                fail(fmt::format("{} {} is not there", socket.table, socket.address), wanted.text);
            const auto before = inodes_.find(socket);
            if (before != inodes_.end() && before->second != node.mapped())
                fail(fmt::format("{} {} is another one", socket.table, socket.address),
                     wanted.text);
            identified[socket] = node.mapped();
            if (echoes) visit(socket, wanted.text);
        }
        if (!found.empty())
            fail(fmt::format("{} {} is left", found.begin()->first.table,
                             found.begin()->first.address),
                 wanted.text);
        inodes_ = std::move(identified);
        if (&wanted != &now_) now_ = wanted;
    }

    model::Configuration now_;
    Inodes inodes_;
};

std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

// Once, and before there are threads.
void enter_namespace() {
    if (!directory.empty()) return;
    if (unshare(CLONE_NEWNET) != 0) {
        std::perror("a network namespace");
        std::_Exit(77); // skipped, says this to meson
    }
    const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) std::abort();
    std::string name = std::filesystem::temp_directory_path() / "inetd-reload-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    directory = name;
    // Or the daemon would take them, by a signal to all threads, nptl(7), which it has set to its
    // default: it has no others, but libFuzzer has.
    if (initgroups("root", 0) != 0) std::abort();
    // Or a reload that needs a capability again would execute this program anew.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) std::abort();
    static_cast<void>(std::atexit([] { std::filesystem::remove_all(directory); }));
}

// Those of libFuzzer's own watch over time and memory.
void block_signals_but_alarm() {
    struct sigaction kept {};
    sigaction(SIGALRM, nullptr, &kept);
    block_signals();
    sigaction(SIGALRM, &kept, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

Options options() {
    Options made;
    made.foreground = true;
    made.load.paths = {directory + "/inetd.conf"};
    made.load.daemon.control = directory + "/control";
    made.load.daemon.log_target = directory + "/log";
    made.load.daemon.stop_timeout = std::chrono::seconds(0);
    made.load.ipv6 = true;
    return made;
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    enter_namespace();
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    enter_namespace();
    std::filesystem::remove(directory + "/log");
    const auto all = model::configurations(data, size, directory);
    const auto before = open_descriptors();
    block_signals_but_alarm();
    Checker::write_configuration(all.front());
    {
        auto server = Server::create(options(), {});
        if (!server) fail(server.error().text(), "");
        if (const auto started = (*server)->start(); !started)
            fail(started.error().text(), all.front().text);
        std::thread checker([&all, daemons = pthread_self()] {
            Checker daemon(all.front());
            for (std::size_t i = 1; i < all.size(); ++i)
                daemon.reload(all[i]);
            pthread_kill(daemons, SIGTERM);
        });
        (*server)->run();
        checker.join();
    }
    log::set_sink(std::make_unique<log::StreamSink>()); // instead of the file
    if (!what_is_listened_on().empty()) fail("something is left after the end", "");
    if (open_descriptors() != before) fail("a descriptor is left open", all.back().text);
    return 0;
}
