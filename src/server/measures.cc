#include "server/measures.h"

#include "process/descriptors.h"

#include <sys/resource.h>
#include <unordered_map>
#include <utility>

namespace inetd {

using Bytes = std::unordered_map<const Gate*, std::pair<std::uint64_t, std::uint64_t>>;

static Bytes bytes_under_way(const Acceptor& acceptor) {
    Bytes bytes;
    const auto add = [&](const SessionBytes& session) {
        if (!session.lease) return;
        auto& [in, out] = bytes[&Admission::gate_of(session.lease)];
        in += session.in;
        out += session.out;
    };
    acceptor.streams().each(add);
    acceptor.relays().each(add);
    acceptor.http().each(add);
    return bytes;
}

Measures take_measures(const Roster& roster, const Launcher& launcher, const Acceptor& acceptor) {
    launcher.count_starts();
    Measures measures{.state = take_state(roster, launcher, Clock::now()),
                      .tallies = {},
                      .sessions = acceptor.sessions(),
                      .descriptors = count_descriptors(),
                      .descriptor_limit = 0};
    const Bytes bytes = bytes_under_way(acceptor);
    for (const Service& service : roster.services()) {
        const Tally* counted = service.counts().counted();
        Tally& tally = measures.tallies.emplace_back(counted != nullptr ? *counted : Tally());
        const auto found = bytes.find(service.gate.get());
        if (found == bytes.end()) continue;
        tally.bytes_in += found->second.first;
        tally.bytes_out += found->second.second;
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) measures.descriptor_limit = limit.rlim_cur;
    return measures;
}

} // namespace inetd
