#include "policy/tally.h"

#include <algorithm>

namespace inetd {

using namespace std::chrono_literals;

constinit const Histogram::Bounds Tally::kSpawnBounds{
    100us, 250us, 500us, 1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2500ms, 10s};
constinit const Histogram::Bounds Tally::kSessionBounds{1ms,  10ms, 100ms, 500ms, 1s, 5s,  10s, 30s,
                                                        1min, 5min, 15min, 1h,    4h, 12h, 24h};

void Tally::count_exit(bool signalled, int status) {
    const auto found = std::ranges::find_if(exits, [&](const Exit& exit) {
        return exit.signalled == signalled && exit.status == status;
    });
    if (found != exits.end()) {
        ++found->times;
    } else {
        exits.push_back({signalled, status, 1});
    }
}

} // namespace inetd
