#include "server/handover.h"

#include "server/gate_fields.h"
#include "server/json_fields.h"
#include "server/relay_fields.h"

#include <algorithm>
#include <fmt/core.h>
#include <stdexcept>

namespace inetd {

using namespace json_fields;

static int descriptor_of(const json& item) {
    return number(item, 3, INT32_MAX);
}

static int descriptor_or_none(const json& item) {
    return item == -1 ? -1 : descriptor_of(item);
}

static std::size_t size_of(const json& item, std::size_t below = INT32_MAX) {
    const auto size = number<std::size_t>(item, 0, INT32_MAX);
    if (size >= below) throw std::invalid_argument("a reference leads nowhere");
    return size;
}

static json service(const Handover::Service& service) {
    return {{"id", hex(service.id)},
            {"address", address(service.address)},
            {"name", hex(service.name)},
            {"protocol", hex(service.protocol)},
            {"builtin", static_cast<int>(service.builtin)},
            {"idle_timeout_ms", service.idle_timeout.count()},
            {"session_timeout_ms", service.session_timeout.count()},
            {"kill_on_disconnect", service.kill_on_disconnect},
            {"gate", gate(service.gate)},
            {"hold", static_cast<int>(service.hold)}};
}

static std::chrono::milliseconds milliseconds_of(const json& item) {
    return std::chrono::milliseconds(number<std::int64_t>(item, 0, INT64_C(1) << 40));
}

static Handover::Service service_of(const json& item) {
    const int builtin = number(item.at("builtin"), 0, static_cast<int>(kLastBuiltin));
    // Not told by a daemon of before there was such a thing.
    const int hold =
        item.contains("hold") ? number(item["hold"], 0, static_cast<int>(Hold::disabled)) : 0;
    return {.id = bytes_of(item.at("id")),
            .address = address_of(item.at("address")),
            .name = bytes_of(item.at("name")),
            .protocol = bytes_of(item.at("protocol")),
            .builtin = static_cast<Builtin>(builtin),
            .idle_timeout = milliseconds_of(item.at("idle_timeout_ms")),
            .session_timeout = milliseconds_of(item.at("session_timeout_ms")),
            .kill_on_disconnect = item.at("kill_on_disconnect").get<bool>(),
            .gate = gate_of(item.at("gate")),
            .hold = static_cast<Hold>(hold)};
}

static json socket(const Handover::Socket& socket) {
    json held = json::array();
    for (const HeldDatagram& datagram : socket.held)
        held.push_back({{"peer", address(datagram.peer)},
                        {"local", address(datagram.local)},
                        {"payload", hex(datagram.payload)}});
    return {{"fd", socket.fd},
            {"name", hex(socket.name)},
            {"holder", static_cast<int>(socket.holder)},
            {"bound", address(socket.bound)},
            {"was_lent", socket.was_lent},
            {"borrower", socket.borrower},
            {"held", std::move(held)}};
}

static Handover::Socket socket_of(const json& item) {
    const int holder = number(item.at("holder"), 0, static_cast<int>(Holder::unit));
    Handover::Socket socket{.fd = descriptor_of(item.at("fd")),
                            .name = bytes_of(item.at("name")),
                            .holder = static_cast<Holder>(holder),
                            .bound = {},
                            .was_lent = true,
                            .borrower = -1,
                            .held = {}};
    if (item.contains("bound")) socket.bound = address_of(item["bound"]);
    if (item.contains("was_lent")) socket.was_lent = item["was_lent"].get<bool>();
    if (item.contains("borrower")) socket.borrower = descriptor_or_none(item["borrower"]);
    for (const json& datagram : item.at("held"))
        socket.held.push_back({.peer = address_of(datagram.at("peer")),
                               .local = address_of(datagram.at("local")),
                               .payload = bytes_of(datagram.at("payload"))});
    return socket;
}

static json child(const Handover::Child& child) {
    return {{"pid", child.pid},
            {"service", child.service},
            {"peer", address(child.peer)},
            {"local", address(child.local)},
            {"started", time(child.started)},
            {"listener", child.listener},
            {"own_socket", child.own_socket},
            {"hang_up", child.tether.hang_up},
            {"ending", child.tether.ending},
            {"connection", child.connection},
            {"user", hex(child.user)},
            {"kill_at", time(child.kill_at)}};
}

static Handover::Child child_of(const json& item, std::size_t services) {
    return {.pid = number<pid_t>(item.at("pid"), 1, INT32_MAX),
            .service = size_of(item.at("service"), services),
            .peer = address_of(item.at("peer")),
            .local = address_of(item.at("local")),
            .started = time_of(item.at("started")),
            .listener = descriptor_or_none(item.at("listener")),
            .own_socket = descriptor_or_none(item.at("own_socket")),
            .tether = {.hang_up = item.at("hang_up").get<HangUps::Token>(),
                       .ending = item.at("ending").get<bool>()},
            .connection = descriptor_or_none(item.at("connection")),
            .user = bytes_of(item.at("user")),
            .kill_at = time_of(item.value("kill_at", json(0)))};
}

static json session(std::size_t service, const SessionState& state) {
    return {{"service", service},          {"fd", state.fd},
            {"peer", address(state.peer)}, {"started", time(state.started)},
            {"bytes_in", state.bytes_in},  {"bytes_out", state.bytes_out},
            {"left", hex(state.left)},     {"input_closed", state.input_closed},
            {"position", state.position}};
}

static SessionState session_of(const json& item) {
    return {.fd = descriptor_of(item.at("fd")),
            .service = nullptr,
            .peer = address_of(item.at("peer")),
            .started = time_of(item.at("started")),
            .bytes_in = item.at("bytes_in").get<std::uint64_t>(),
            .bytes_out = item.at("bytes_out").get<std::uint64_t>(),
            .left = bytes_of(item.at("left")),
            .input_closed = item.at("input_closed").get<bool>(),
            .position = number<std::uint16_t>(item.at("position"), 0, UINT16_MAX)};
}

static json farewell(const FarewellState& state) {
    return {{"fd", state.fd},
            {"words", hex(state.words)},
            {"shut", state.shut},
            {"thrown_away", state.thrown_away}};
}

static FarewellState farewell_of(const json& item) {
    return {.fd = descriptor_of(item.at("fd")),
            .words = bytes_of(item.at("words")),
            .shut = item.at("shut").get<bool>(),
            .thrown_away = size_of(item.at("thrown_away"))};
}

static json invocation(const Invocation& invocation) {
    json arguments = json::array();
    for (const std::string& argument : invocation.arguments)
        arguments.push_back(hex(argument));
    return {{"program", hex(invocation.program)},
            {"arguments", std::move(arguments)},
            {"directory", hex(invocation.directory)}};
}

static Invocation invocation_of(const json& item) {
    Invocation invocation{.program = bytes_of(item.at("program")),
                          .arguments = {},
                          .directory = bytes_of(item.at("directory"))};
    for (const json& argument : item.at("arguments"))
        invocation.arguments.push_back(bytes_of(argument));
    return invocation;
}

std::string handover_text(const Handover& handover) {
    json all{{"version", hex(handover.version)},
             {"invocation", invocation(handover.invocation)},
             {"pid_file", handover.pid_file},
             {"control", handover.control},
             {"started", time(handover.started)},
             {"generation", handover.generation},
             {"reload", handover.reload},
             {"reloads", {handover.reloads.applied, handover.reloads.refused}},
             {"stops_when_drained", handover.stops_when_drained},
             {"reports", {handover.reports.read, handover.reports.write}}};
    for (const char* list : {"services", "sockets", "children", "sessions", "mux_sessions",
                             "relays", "farewells", "error_pipes", "outcasts"})
        all[list] = json::array();
    all["hang_ups"] = {{"epoll", handover.hang_ups.epoll}, {"last", handover.hang_ups.last}};
    if (handover.descriptor_limit)
        all["descriptor_limit"] = {handover.descriptor_limit->first,
                                   handover.descriptor_limit->second};
    for (const auto& item : handover.services)
        all["services"].push_back(service(item));
    for (const auto& item : handover.sockets)
        all["sockets"].push_back(socket(item));
    for (const auto& item : handover.children)
        all["children"].push_back(child(item));
    for (const auto& [place, item] : handover.sessions)
        all["sessions"].push_back(session(place, item));
    for (const auto& [place, item] : handover.mux_sessions)
        all["mux_sessions"].push_back({{"service", place},
                                       {"fd", item.fd},
                                       {"peer", address(item.peer)},
                                       {"line", hex(item.line)}});
    for (const auto& [place, item] : handover.relays)
        all["relays"].push_back(relay(place, item));
    for (const auto& item : handover.farewells)
        all["farewells"].push_back(farewell(item));
    for (const auto& [place, item] : handover.error_pipes)
        all["error_pipes"].push_back({{"service", place},
                                      {"fd", item.fd},
                                      {"peer", address(item.peer)},
                                      {"pid", item.pid},
                                      {"text", hex(item.text)}});
    for (const auto& [key, until] : handover.outcasts)
        all["outcasts"].push_back({{"key", source(key)}, {"until", time(until)}});
    return all.dump();
}

static Handover handover_of(const json& all) {
    Handover handover;
    handover.version = bytes_of(all.at("version"));
    handover.invocation = invocation_of(all.at("invocation"));
    handover.pid_file = descriptor_or_none(all.at("pid_file"));
    if (all.contains("control")) {
        handover.control = descriptor_or_none(all["control"]);
        handover.started = time_of(all.at("started"));
        handover.generation = number<unsigned>(all.at("generation"), 0, INT32_MAX);
    }
    handover.reload = all.value("reload", "");
    if (all.contains("reloads"))
        handover.reloads = {all["reloads"].at(0).get<std::uint64_t>(),
                            all["reloads"].at(1).get<std::uint64_t>()};
    handover.stops_when_drained = all.value("stops_when_drained", false);
    const json reports = all.value("reports", json{-1, -1});
    handover.reports = {descriptor_or_none(reports.at(0)), descriptor_or_none(reports.at(1))};
    if ((reports.at(0) == -1) != (reports.at(1) == -1)) throw std::invalid_argument("half a pipe");
    if (all.contains("descriptor_limit"))
        handover.descriptor_limit.emplace(all["descriptor_limit"].at(0).get<std::uint64_t>(),
                                          all["descriptor_limit"].at(1).get<std::uint64_t>());
    for (const json& item : all.at("services"))
        handover.services.push_back(service_of(item));
    const std::size_t services = handover.services.size();
    for (const json& item : all.at("sockets"))
        handover.sockets.push_back(socket_of(item));
    for (const json& item : all.at("children"))
        handover.children.push_back(child_of(item, services));
    for (const json& item : all.at("sessions"))
        handover.sessions.emplace_back(size_of(item.at("service"), services), session_of(item));
    for (const json& item : all.at("mux_sessions"))
        handover.mux_sessions.emplace_back(size_of(item.at("service"), services),
                                           MuxState{.fd = descriptor_of(item.at("fd")),
                                                    .mux = nullptr,
                                                    .peer = address_of(item.at("peer")),
                                                    .line = bytes_of(item.at("line"))});
    for (const json& item : all.at("relays"))
        handover.relays.emplace_back(size_of(item.at("service"), services), relay_of(item));
    for (const json& item : all.at("farewells"))
        handover.farewells.push_back(farewell_of(item));
    for (const json& item : all.at("error_pipes"))
        handover.error_pipes.emplace_back(
            size_of(item.at("service"), services),
            ErrorLinesState{.fd = descriptor_of(item.at("fd")),
                            .config = nullptr,
                            .peer = address_of(item.at("peer")),
                            .pid = number<pid_t>(item.at("pid"), 1, INT32_MAX),
                            .text = bytes_of(item.at("text"))});
    for (const json& item : all.at("outcasts"))
        handover.outcasts.emplace_back(source_of(item.at("key")), time_of(item.at("until")));
    handover.hang_ups = {.epoll = descriptor_or_none(all.at("hang_ups").at("epoll")),
                         .last = all["hang_ups"].at("last").get<HangUps::Token>()};
    return handover;
}

Result<Handover> parse_handover(std::string_view text) {
    try {
        Handover handover = handover_of(json::parse(text));
        std::vector<int> all = descriptors_of(handover);
        std::sort(all.begin(), all.end());
        if (std::adjacent_find(all.begin(), all.end()) != all.end())
            return Error{"hand-over: a descriptor is named twice", 0};
        return handover;
    } catch (const std::exception& error) {
        return Error{fmt::format("hand-over: {}", error.what()), 0};
    }
}

std::vector<int> descriptors_of(const Handover& handover) {
    std::vector<int> all;
    for (const int fd :
         {handover.pid_file, handover.control, handover.reports.read, handover.reports.write})
        if (fd >= 0) all.push_back(fd);
    for (const auto& item : handover.sockets) {
        all.push_back(item.fd);
        if (item.borrower >= 0) all.push_back(item.borrower);
    }
    for (const auto& item : handover.children) {
        if (item.own_socket >= 0) all.push_back(item.own_socket);
        if (item.connection >= 0) all.push_back(item.connection);
    }
    for (const auto& [place, item] : handover.sessions)
        all.push_back(item.fd);
    for (const auto& [place, item] : handover.mux_sessions)
        all.push_back(item.fd);
    for (const auto& [place, item] : handover.relays)
        add_descriptors(item, all);
    for (const auto& item : handover.farewells)
        all.push_back(item.fd);
    for (const auto& [place, item] : handover.error_pipes)
        all.push_back(item.fd);
    if (handover.hang_ups.epoll >= 0) all.push_back(handover.hang_ups.epoll);
    return all;
}

} // namespace inetd
