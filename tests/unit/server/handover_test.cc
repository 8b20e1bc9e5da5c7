#include "server/handover.h"

#include "config/load.h"

#include <doctest/doctest.h>

using namespace inetd;
using namespace std::chrono_literals;

namespace {

SocketAddress address(const char* host) {
    return *SocketAddress::parse_ip(host, 4711);
}

Handover example() {
    Handover all;
    all.version = "0.1.0";
    all.invocation = {.program = "/usr/sbin/inetd", .arguments = {"inetd", "-i"}, .directory = "/"};
    all.pid_file = 9;
    all.control = 30;
    all.started = TimePoint(3s);
    all.generation = 2;
    all.reloads = {.applied = 5, .refused = 6};
    all.reload = "reload: 1 added";
    all.stops_when_drained = true;
    all.reports = {.read = 31, .write = 32};
    all.descriptor_limit = {1024, 524288};
    Gate::State gate{.started = 12,
                     .last_use = TimePoint(4s),
                     .refused = {},
                     .bucket = {TimePoint(5s), 1.5},
                     .rates = {},
                     .tally = {},
                     .load = {{7, {1, 2}}, {9, {UINT32_MAX, 0}}}};
    gate.tally.spawns.add(Tally::kSpawnBounds, 3ms);
    gate.tally.sessions.add(Tally::kSessionBounds, 48h);
    gate.tally.bytes_in = UINT64_MAX;
    gate.tally.count_exit(false, 255);
    gate.tally.count_exit(true, 11);
    gate.refused.add(Refusal::sensor, 3);
    gate.rates.prefix = {.v4 = 24, .v6 = 56};
    gate.rates.sources.push_back({*address_key(address("2001:db8::1")), {TimePoint(6s), 0.25}});
    all.services.push_back({.id = "echo/tcp",
                            .address = address("127.0.0.1"),
                            .name = "echo",
                            .protocol = "tcp",
                            .builtin = Builtin::echo,
                            .idle_timeout = 300s,
                            .session_timeout = 7s,
                            .kill_on_disconnect = true,
                            .gate = gate,
                            .hold = Hold::disabled});
    all.sockets.push_back({.fd = 10,
                           .name = "a\"\n\xff",
                           .holder = Holder::unit,
                           .bound = address("127.0.0.9"),
                           .was_lent = false,
                           .borrower = 22,
                           .held = {{address("::1"), address("::2"), std::string("\0x", 2)}}});
    all.children.push_back({.pid = 77,
                            .service = 0,
                            .peer = *SocketAddress::unix_path("/run/x"),
                            .local = address("::1"),
                            .started = TimePoint(1234567890123ns),
                            .listener = 10,
                            .own_socket = 11,
                            .tether = {.hang_up = 3, .ending = true},
                            .connection = 21,
                            .user = "joe",
                            .kill_at = TimePoint(10s)});
    all.sessions.push_back({0,
                            {.fd = 12,
                             .service = nullptr,
                             .peer = address("192.0.2.1"),
                             .started = TimePoint(7s),
                             .bytes_in = UINT64_MAX,
                             .bytes_out = 4,
                             .left = "left",
                             .input_closed = true,
                             .position = 74}});
    all.mux_sessions.push_back(
        {0, {.fd = 13, .mux = nullptr, .peer = address("::1"), .line = "ec"}});
    all.relays.push_back({0,
                          {.service = nullptr,
                           .peer = address("192.0.2.2"),
                           .started = TimePoint(8s),
                           .client = 16,
                           .target = 17,
                           .client_gone = true,
                           .target_gone = false,
                           .up = {.out = 18, .in = 19, .over = false, .bytes = 20},
                           .down = {.out = -1, .in = -1, .over = true, .bytes = UINT64_MAX}}});
    all.error_pipes.push_back(
        {0, {.fd = 15, .config = nullptr, .peer = {}, .pid = 78, .text = "half a li"}});
    all.hang_ups = {.epoll = 20, .last = 5};
    all.outcasts.emplace_back(*address_key(address("192.0.2.3")), TimePoint(9s));
    all.farewells.push_back({.fd = 14, .words = "bye\r\n", .shut = true, .thrown_away = 8});
    return all;
}

} // namespace

TEST_CASE("a hand-over says the same after it was read") {
    const std::string text = handover_text(example());
    const auto read = parse_handover(text);
    REQUIRE(read);
    CHECK(handover_text(*read) == text);
    CHECK(read->services[0].gate.rates.sources[0].second.used == 0.25);
    CHECK(read->services[0].gate.rates.prefix == SourcePrefix{.v4 = 24, .v6 = 56});
    CHECK(read->children[0].tether.hang_up == 3);
    CHECK(read->children[0].tether.ending);
    CHECK(read->outcasts == example().outcasts);
    CHECK(read->services[0].gate.refused == example().services[0].gate.refused);
    CHECK(read->services[0].gate.last_use == TimePoint(4s));
    CHECK(read->services[0].gate.tally == example().services[0].gate.tally);
    CHECK(read->services[0].gate.load == example().services[0].gate.load);
    CHECK(read->reloads.applied == 5);
    CHECK(read->reloads.refused == 6);
    CHECK(read->reload == "reload: 1 added");
    CHECK(read->services[0].hold == Hold::disabled);
    CHECK(read->sockets[0].name == "a\"\n\xff");
    CHECK(read->sockets[0].bound == address("127.0.0.9"));
    CHECK_FALSE(read->sockets[0].was_lent);
    CHECK(read->sockets[0].borrower == 22);
    CHECK(read->sockets[0].held[0].payload == std::string("\0x", 2));
    CHECK(read->children[0].peer == *SocketAddress::unix_path("/run/x"));
    CHECK(read->children[0].started == TimePoint(1234567890123ns));
    CHECK(read->children[0].user == "joe");
    CHECK(read->children[0].kill_at == TimePoint(10s));
    CHECK(read->stops_when_drained);
    CHECK(read->reports.write == 32);
    CHECK(read->sessions[0].second.bytes_in == UINT64_MAX);
    CHECK(read->invocation.arguments == std::vector<std::string>{"inetd", "-i"});
    CHECK(read->descriptor_limit->second == 524288);
    CHECK(descriptors_of(*read) ==
          std::vector{9, 30, 31, 32, 10, 22, 11, 21, 12, 13, 16, 17, 18, 19, 14, 15, 20});
    CHECK(handover_text(*parse_handover(handover_text(Handover()))) == handover_text(Handover()));
}

namespace {
// The error of the example with one thing changed.
std::string error_with(const std::string& from, const std::string& to) {
    std::string text = handover_text(example());
    const auto place = text.find(from);
    REQUIRE(place != std::string::npos);
    const auto read = parse_handover(text.replace(place, from.size(), to));
    return read ? "none" : read.error().text();
}
} // namespace

TEST_CASE("a hand-over that is wrong is refused and says why") {
    const std::string range = "hand-over: a number is out of range";
    CHECK(error_with(R"("fd":14)", R"("fd":13)") == "hand-over: a descriptor is named twice");
    CHECK(error_with(R"("fd":14)", R"("fd":2)") == range);
    CHECK(error_with(R"("fd":14)", R"("fd":4294967299)") == range);
    CHECK(error_with(R"("pid":77)", R"("pid":0)") == range);
    CHECK(error_with(R"("pid":77)", R"("pid":18446744073709551615)") == range);
    CHECK(error_with(R"("holder":2)", R"("holder":3)") == range);
    CHECK(error_with(R"("hold":3)", R"("hold":4)") == range);
    CHECK(error_with(R"("generation":2)", R"("generation":-2)") == range);
    CHECK(error_with(R"("service":0)", R"("service":1)") == "hand-over: a reference leads nowhere");
    CHECK(error_with(R"("prefix_v4":24)", R"("prefix_v4":33)") == range);
    CHECK(error_with(R"("prefix_v6":56)", R"("prefix_v6":0)") == range);
    CHECK(error_with(R"("left":"6c)", R"("left":"6)") == "hand-over: half a byte");
    CHECK(error_with(R"("left":"6c)", R"("left":"6g)") == "hand-over: bytes are not hexadecimal");
    CHECK(error_with(R"("in":19)", R"("in":-1)") == "hand-over: half a pipe");
    CHECK(error_with(R"("reports":[31,)", R"("reports":[-1,)") == "hand-over: half a pipe");
    CHECK(error_with(R"("client":16)", R"("client":-1)") == range);
    CHECK(error_with(R"("services")", R"("servants")") != "none");
    CHECK(error_with(R"("shut":true)", R"("shut":1)") != "none");
}

TEST_CASE("a hand-over that is cut or nested without end is refused") {
    const std::string text = handover_text(example());
    for (std::size_t size = 0; size < text.size(); size += 7)
        CHECK_FALSE(parse_handover(text.substr(0, size)));
    CHECK_FALSE(parse_handover(std::string(100'000, '[')));
}
