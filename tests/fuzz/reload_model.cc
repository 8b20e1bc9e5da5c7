#include "reload_model.h"

#include <array>
#include <fmt/core.h>
#include <string_view>
#include <sys/socket.h>

namespace model {

namespace {

constexpr int kPorts = 6;
constexpr int kFirstPort = 9001;

struct Bytes {
    const std::uint8_t* data;
    std::size_t left;

    std::uint8_t next() {
        if (left == 0) return 0;
        --left;
        return *data++;
    }
};

// What stands before the port and in the column of the protocol, and the sockets that come of it,
// without their ports.
struct Shape {
    std::string_view addresses;
    std::string_view protocol;
    std::vector<Socket> sockets;
};

constexpr auto kAny4 = "00000000";
constexpr auto kAny6 = "00000000000000000000000000000000";
constexpr auto kLo4 = "0100007F";
constexpr auto kOther4 = "0200007F";
constexpr auto kLo6 = "00000000000000000000000001000000";

// Each has sockets that can stand side by side with those of any other on another port.
const std::vector<std::vector<Shape>>& shapes() {
    constexpr int kS = SOCK_STREAM;
    constexpr int kD = SOCK_DGRAM;
    static const std::vector<std::vector<Shape>> all{
        {},
        {{"", "tcp4", {{"tcp", kAny4, kS}}}},
        {{"127.0.0.1:", "tcp4", {{"tcp", kLo4, kS}}}},
        {{"127.0.0.1,127.0.0.2:", "tcp4", {{"tcp", kLo4, kS}, {"tcp", kOther4, kS}}}},
        {{"", "tcp6", {{"tcp6", kAny6, kS}}}},
        {{"[::1]:", "tcp6", {{"tcp6", kLo6, kS}}}},
        {{"", "tcp", {{"tcp", kAny4, kS}, {"tcp6", kAny6, kS}}}},
        {{"", "tcp46", {{"tcp6", kAny6, kS, true}}}},
        {{"", "udp4", {{"udp", kAny4, kD}}}},
        {{"127.0.0.1:", "udp4", {{"udp", kLo4, kD}}}},
        {{"[::1]:", "udp6", {{"udp6", kLo6, kD}}}},
        {{"", "udp", {{"udp", kAny4, kD}, {"udp6", kAny6, kD}}}},
        {{"", "udp46", {{"udp6", kAny6, kD, true}}}},
        {{"127.0.0.1:", "tcp4", {{"tcp", kLo4, kS}}}, {"127.0.0.1:", "udp4", {{"udp", kLo4, kD}}}},
        {{"127.0.0.1:", "tcp4", {{"tcp", kLo4, kS}}},
         {"127.0.0.2:", "tcp4", {{"tcp", kOther4, kS}}}},
        {{"*:", "udp4", {{"udp", kAny4, kD}}}, {"*:", "tcp6", {{"tcp6", kAny6, kS}}}},
    };
    return all;
}

// How a line ends. Programs that nobody comes to are not started.
struct Ending {
    std::string text;
    bool echoes = false;
};

Ending ending(bool datagrams, unsigned way) {
    const char* user = (way & 2U) != 0 ? "nobody" : "root";
    if ((way & 1U) != 0) return {fmt::format("wait {} /bin/cat\n", user)};
    if (datagrams) return {fmt::format("wait {} internal echo\n", user)};
    const char* limit = (way & 4U) != 0 ? "/5" : "";
    return {fmt::format("nowait{} {} internal echo\n", limit, user), true};
}

void add_port(Configuration& all, int port, std::uint8_t byte) {
    const unsigned way = byte / 16U;
    const bool disabled = (way & 8U) != 0;
    for (const Shape& shape : shapes()[byte % shapes().size()]) {
        const bool datagrams = shape.sockets.front().type == SOCK_DGRAM;
        const Ending end = ending(datagrams, way);
        all.text += fmt::format("{}{}{} {} {} {}", disabled ? "#" : "", shape.addresses, port,
                                datagrams ? "dgram" : "stream", shape.protocol, end.text);
        if (disabled) continue;
        for (Socket socket : shape.sockets) {
            socket.address += fmt::format(":{:04X}", port);
            all.sockets[socket] = end.echoes;
        }
    }
}

void add_unix(Configuration& all, const std::string& path, std::uint8_t byte) {
    static constexpr std::array<int, 4> kTypes{0, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    const int type = kTypes[byte % kTypes.size()];
    if (type == 0) return;
    const unsigned way = type == SOCK_STREAM ? byte / 16U & 7U : 1U;
    const char* name = type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "seqpacket";
    const Ending end = ending(type == SOCK_DGRAM, way);
    all.text += fmt::format("{} {} unix {}", path, name, end.text);
    all.sockets[{"unix", path, type}] = end.echoes;
}

// A line that no reload may take.
void spoil(Configuration& all, std::uint8_t byte) {
    static constexpr std::array<std::string_view, 5> kWrong{
        "127.0.0.1:9000 stream tcp4 nowait root internal echo\n", // it is there already
        "9001 stream tcp4 nowait root\n",
        "9009 stream tcp4 nowait nobody-of-that-name internal echo\n",
        "9009 stream tcp4 nowait root /no/such/program\n",
        "9009 dgram tcp4 nowait root internal echo\n",
    };
    const std::size_t which = byte % 8U;
    if (which >= kWrong.size()) return;
    all.text += kWrong[which];
    all.valid = false;
}

} // namespace

std::vector<Configuration> configurations(const std::uint8_t* data, std::size_t size,
                                          const std::string& directory) {
    Bytes bytes{data, size};
    std::vector<Configuration> made(1 + bytes.next() % 6);
    for (Configuration& one : made) {
        one.text = "127.0.0.1:9000 stream tcp4 nowait root internal echo\n";
        one.sockets[{"tcp", "0100007F:2328", SOCK_STREAM}] = true;
        for (int i = 0; i < kPorts; ++i)
            add_port(one, kFirstPort + i, bytes.next());
        add_unix(one, directory + "/socket", bytes.next());
        add_unix(one, "@socket", bytes.next());
        spoil(one, bytes.next());
    }
    return made;
}

} // namespace model
