// decide MILLISECONDS: what it costs to decide whether a client may come in, by the access list
// and the rate of his source: with one entry or 10,000 and one source or 100,000, taking turns.
// Prints nanoseconds of each, and of the clients from 100,000 sources the ratio of 10,000 entries
// to one.

#include "policy/access_list.h"
#include "policy/source.h"
#include "policy/source_rates.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <netinet/in.h>
#include <random>
#include <vector>

using namespace inetd;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::uint32_t kFirst = 0x0a000000; // 10.0.0.0
// Never used up, so that it is always the same decision.
constexpr Rate kRate = Rate::per_minute(4000000000);

double cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

SocketAddress client_of(std::uint32_t address) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(address);
    return {&name, sizeof name};
}

// The first lets all clients in; further ones shut out single addresses and networks among and
// beyond theirs, of eight different lengths.
AccessEntries networks(std::uint32_t count, unsigned shortest) {
    auto entries = std::make_shared<std::vector<AccessEntry>>();
    for (std::uint32_t i = 0; i < count; ++i) {
        const Cidr network(client_of(kFirst + 0x800000 + i * 512), shortest + i % 8);
        entries->push_back(
            {.kind = AccessEntry::Kind::network, .text = network.to_string(), .network = network});
    }
    return entries;
}

AccessEntries everybody_of_ours() {
    auto entries = std::make_shared<std::vector<AccessEntry>>();
    entries->push_back({.kind = AccessEntry::Kind::network,
                        .text = "10.0.0.0/8",
                        .network = Cidr(client_of(kFirst), 8)});
    return entries;
}

class Decisions {
  public:
    Decisions(std::uint32_t entries, std::uint32_t sources)
        : list_(everybody_of_ours(), entries > 1 ? networks(entries - 1, 25) : nullptr),
          sources_(sources) {
        for (std::uint32_t i = 0; i < sources; ++i)
            admitted_ += decide(i);
    }

    // Nanoseconds of each, over so many.
    double measure(int count) {
        const double start = cpu_ns();
        for (int i = 0; i < count; ++i)
            admitted_ += decide(static_cast<std::uint32_t>(random_()) % sources_);
        return (cpu_ns() - start) / count;
    }
    // Of which the optimiser cannot know that nobody looks at it.
    [[nodiscard]] unsigned long admitted() const { return admitted_; }

  private:
    unsigned decide(std::uint32_t source) {
        // Spread over all of 10.0.0.0/8 by an odd factor, so that no two are the same.
        const SocketAddress client = client_of(kFirst + (source * 2654435761U & 0xffffff));
        if (list_.judge(client) != AccessList::Verdict::admitted) return 0;
        return rates_.take(kRate, prefix_, *address_key(client), now_) ? 1 : 0;
    }

    AccessList list_;
    SourcePrefix prefix_;
    SourceRates rates_{prefix_};
    Clock::time_point now_ = Clock::now();
    std::uint32_t sources_;
    std::minstd_rand random_{4711};
    unsigned long admitted_ = 0;
};

double median(std::vector<double> all) {
    std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2),
                     all.end());
    return all[all.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    const auto length = std::chrono::milliseconds(argc > 1 ? std::atoi(argv[1]) : 1000);
    Decisions one(1, 1);
    Decisions many_entries(10000, 1);
    Decisions many_sources(1, 100000);
    Decisions many(10000, 100000);
    std::vector<double> times[4];
    const auto end = Clock::now() + length;
    do {
        int i = 0;
        for (Decisions* decisions : {&one, &many_entries, &many_sources, &many})
            times[i++].push_back(decisions->measure(20000));
    } while (Clock::now() < end);
    std::printf("{\"ns_one\": %.1f, \"ns_entries\": %.1f, \"ns_sources\": %.1f, \"ns_many\": %.1f, "
                "\"ratio\": %.3f, \"admitted\": %lu}\n",
                median(times[0]), median(times[1]), median(times[2]), median(times[3]),
                median(times[3]) / median(times[2]), many.admitted());
}
