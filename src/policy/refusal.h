#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace inetd {

// Why one client was turned away. The service as a whole is never shut for it.
enum class Refusal : std::uint8_t {
    instances,        // these two only where the limits say that overflow is refused
    rate,             //
    source_instances, //
    source_rate,      //
    sensor,           // it touched one
    balancer,         // it is none of those that may speak for others
    proxy_header,     // its balancer did not say who it is
    proxy_timeout,    // or not in time
    reflection,       // an answer to it might go round in circles
    only_from,        // it is not on that list
    no_access,        // it is on that one
    access_times,     // not now
    max_load,         // the machine has too much to do
    libwrap,          // hosts.allow and hosts.deny
    resolver,         // its name, or what these files say, cannot be told
    parser,           // what it wants cannot be told
};
inline constexpr std::size_t kRefusals = static_cast<std::size_t>(Refusal::parser) + 1;

// "too many instances"
[[nodiscard]] const char* refusal_text(Refusal refusal);
// The key of inetd.cfg(5) that is the reason, unique among refusals; "proxy_header",
// "proxy_timeout", "reflection", "resolver" and "parser" are none.
[[nodiscard]] const char* refusal_key(Refusal refusal);
[[nodiscard]] std::optional<Refusal> refusal_of_key(std::string_view key);

// How often each was the reason.
class RefusalCounts {
  public:
    void add(Refusal refusal, std::uint64_t times = 1) {
        counts_[static_cast<std::size_t>(refusal)] += times;
    }
    [[nodiscard]] std::uint64_t of(Refusal refusal) const {
        return counts_[static_cast<std::size_t>(refusal)];
    }
    [[nodiscard]] std::uint64_t total() const;
    friend bool operator==(const RefusalCounts&, const RefusalCounts&) = default;

  private:
    std::array<std::uint64_t, kRefusals> counts_{};
};

} // namespace inetd
