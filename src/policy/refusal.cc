#include "policy/refusal.h"

#include <numeric>

namespace inetd {

namespace {

struct Words {
    const char* text;
    const char* key;
};

// In the order of Refusal.
constexpr std::array<Words, kRefusals> kWords{{
    {"too many instances", "instances"},
    {"too many starts", "rate"},
    {"too many instances for this address", "per_source"},
    {"too many starts for this address", "rate_per_source"},
    {"it touched a sensor", "sensor"},
    {"not one of its balancers", "proxy_from"},
    {"what it sent is no PROXY header", "proxy_header"},
    {"no PROXY header in time", "proxy_timeout"},
    {"an answer might go round in circles", "reflection"},
    {"not one of its only_from", "only_from"},
    {"it is one of its no_access", "no_access"},
    {"not at this time", "access_times"},
    {"the load is too high", "max_load"},
    {"by hosts.allow and hosts.deny", "libwrap"},
    {"its name could not be told", "resolver"},
    {"what it sent could not be parsed", "parser"},
}};

} // namespace

const char* refusal_text(Refusal refusal) {
    return kWords[static_cast<std::size_t>(refusal)].text;
}

const char* refusal_key(Refusal refusal) {
    return kWords[static_cast<std::size_t>(refusal)].key;
}

std::optional<Refusal> refusal_of_key(std::string_view key) {
    for (std::size_t i = 0; i < kRefusals; ++i)
        if (key == kWords[i].key) return static_cast<Refusal>(i);
    return std::nullopt;
}

std::uint64_t RefusalCounts::total() const {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

} // namespace inetd
