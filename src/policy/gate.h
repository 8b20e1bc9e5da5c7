#pragma once

#include "base/address.h"
#include "config/model.h"
#include "policy/rate.h"
#include "policy/refusal.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace inetd {

class Gate;

// The bytes by which clients count as one source: the IP address without its port.
struct SourceKey {
    std::array<std::uint8_t, 16> bytes{};
    friend bool operator==(const SourceKey&, const SourceKey&) = default;
};
// Nothing for peers of other families, which limits of a source do not apply to.
[[nodiscard]] std::optional<SourceKey> source_of(const SocketAddress& peer);

// One admitted instance: counted from admit() until this dies. Keeps its Gate alive.
class Slot {
  public:
    Slot(Slot&& other) noexcept = default;
    Slot& operator=(Slot&&) = delete;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();

  private:
    friend class Gate;
    Slot(std::shared_ptr<Gate> gate, std::optional<SourceKey> source)
        : gate_(std::move(gate)), source_(source) {}
    std::shared_ptr<Gate> gate_;
    std::optional<SourceKey> source_; // if counted for it too: limits come and go with a reload
};

// Counts the instances of one service, over all its listeners and over reloads, and decides who may
// start another. Pure but for on_release: the limits and the time are arguments.
class Gate : public std::enable_shared_from_this<Gate> {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    // Whether the service as a whole can take one more: asked before a client is taken from the
    // kernel, because one who must wait does so in the backlog.
    struct Room {
        bool full = false;                // until an instance ends
        Duration rate = Duration::zero(); // until the rate allows one more
        explicit operator bool() const { return !full && rate == Duration::zero(); }
    };
    [[nodiscard]] Room room(const Limits& limits, TimePoint now);

    // Call only while room() says yes, unless overflow is to be refused.
    [[nodiscard]] std::variant<Slot, Refusal> admit(const Limits& limits, const SocketAddress& peer,
                                                    TimePoint now);

    [[nodiscard]] std::uint32_t running() const { return running_; }
    [[nodiscard]] std::uint64_t started() const { return started_; }
    [[nodiscard]] const RefusalCounts& refused() const { return refused_; }
    // Counts a client that was turned away by somebody else than admit().
    void count(Refusal refusal, std::uint64_t times = 1) { refused_.add(refusal, times); }
    [[nodiscard]] std::size_t sources() const { return sources_.size(); }

    // What another Gate goes on with, in another process too; all but what runs.
    struct State {
        std::uint64_t started = 0;
        RefusalCounts refused;
        TokenBucket::State bucket;
        std::vector<std::pair<SourceKey, TokenBucket::State>> sources;
    };
    [[nodiscard]] State state() const;
    void restore(const State& state);
    // Counts an instance that runs already and was admitted by the Gate whose state this one has.
    [[nodiscard]] Slot readmit(const Limits& limits, const SocketAddress& peer);

    // Called after an instance was given back.
    void on_release(std::function<void()> callback) { on_release_ = std::move(callback); }

  private:
    friend class Slot;
    struct KeyHash {
        std::size_t operator()(const SourceKey& key) const;
    };
    struct Source {
        std::uint32_t running = 0;
        TokenBucket bucket;
    };
    using Sources = std::unordered_map<SourceKey, Source, KeyHash>;

    Refusal refuse(Refusal refusal);
    void release(const std::optional<SourceKey>& key);
    void forget_idle(const Limits& limits, TimePoint now);

    std::uint32_t running_ = 0;
    std::uint64_t started_ = 0;
    RefusalCounts refused_;
    TokenBucket bucket_;
    Sources sources_; // only of services that have limits for a source
    std::size_t forget_at_ = 64;
    bool keeps_rates_ = false;
    std::function<void()> on_release_;
};

} // namespace inetd
