#include "server/relay_fields.h"

namespace inetd::json_fields {

static json flow(const FlowState& state) {
    return {{"out", state.out}, {"in", state.in}, {"over", state.over}, {"bytes", state.bytes}};
}

static int descriptor(const json& item) {
    return item == -1 ? -1 : number(item, 3, INT32_MAX);
}

static FlowState flow_of(const json& item) {
    const FlowState state{.out = descriptor(item.at("out")),
                          .in = descriptor(item.at("in")),
                          .over = item.at("over").get<bool>(),
                          .bytes = item.at("bytes").get<std::uint64_t>()};
    if ((state.out < 0) != (state.in < 0)) throw std::invalid_argument("half a pipe");
    return state;
}

json relay(std::size_t service, const RelayState& state) {
    return {{"service", service},
            {"peer", address(state.peer)},
            {"started", time(state.started)},
            {"client", state.client},
            {"target", state.target},
            {"client_gone", state.client_gone},
            {"target_gone", state.target_gone},
            {"up", flow(state.up)},
            {"down", flow(state.down)}};
}

RelayState relay_of(const json& item) {
    return {.service = nullptr,
            .peer = address_of(item.at("peer")),
            .started = time_of(item.at("started")),
            .client = number(item.at("client"), 3, INT32_MAX),
            .target = descriptor(item.at("target")),
            .client_gone = item.at("client_gone").get<bool>(),
            .target_gone = item.at("target_gone").get<bool>(),
            .up = flow_of(item.at("up")),
            .down = flow_of(item.at("down"))};
}

void add_descriptors(const RelayState& state, std::vector<int>& all) {
    for (const int fd :
         {state.client, state.target, state.up.out, state.up.in, state.down.out, state.down.in}) {
        if (fd >= 0) all.push_back(fd);
    }
}

} // namespace inetd::json_fields
