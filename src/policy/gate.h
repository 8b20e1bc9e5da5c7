#pragma once

#include "base/address.h"
#include "config/model.h"
#include "policy/load_history.h"
#include "policy/rate.h"
#include "policy/refusal.h"
#include "policy/source.h"
#include "policy/source_rates.h"
#include "policy/tally.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

namespace inetd {

class Gate;

// One admitted instance: counted from admit() until this dies. Keeps its Gate alive.
class Slot {
  public:
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&&) = delete;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();
    // Only if not moved from.
    [[nodiscard]] Gate& gate() const { return *gate_; }

  private:
    friend class Gate;
    Slot(std::shared_ptr<Gate> gate, const std::optional<SourceKey>& client);
    void link();
    void unlink();

    std::shared_ptr<Gate> gate_; // null: moved from
    std::optional<SourceKey> client_;
    // Neighbours in the Gate's list of those that have a client.
    Slot* next_ = nullptr;
    Slot* before_ = nullptr;
};

// Counts the instances of one service, over all its listeners and over reloads, and decides who may
// start another. Pure but for on_release: the limits and the time are arguments.
//
// Memory: what runs is counted exactly, by source, which takes no more than there are instances;
// the rates of sources are in a table of a fixed size (SourceRates), made when first needed.
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
    [[nodiscard]] Room room(const Limits& limits, TimePoint now) const;

    // Which limits are asked: all of them, or, while it is not known yet who the client is, those
    // of the service first and those of its source later.
    enum class Ask : std::uint8_t { all, service, source };

    // Call only while room() says yes, unless overflow is to be refused.
    [[nodiscard]] std::variant<Slot, Refusal> admit(const Limits& limits, const SocketAddress& peer,
                                                    TimePoint now, Ask ask = Ask::all);

    [[nodiscard]] std::uint32_t running() const { return running_; }
    [[nodiscard]] std::uint64_t started() const { return started_; }
    // When the last one was let in; nothing: nobody was yet.
    [[nodiscard]] std::optional<TimePoint> last_use() const { return last_use_; }
    [[nodiscard]] const RefusalCounts& refused() const { return refused_; }
    // Counts a client that was turned away by somebody else than admit().
    void count(Refusal refusal, TimePoint now, std::uint64_t times = 1);
    // Whether it is to be known when clients came. Costs memory from the first client on.
    void keep_history(bool wanted);
    // The spans of LoadHistory; nothing: it is not kept, or nobody came.
    [[nodiscard]] std::vector<LoadHistory::Span> history(TimePoint now) const;
    // What else is counted of the service; made when it is first asked for.
    [[nodiscard]] Tally& tally();
    // The same, or null if there was nothing to count yet.
    [[nodiscard]] const Tally* counted() const { return tally_.get(); }
    // Sources that something runs for, where that is limited.
    [[nodiscard]] std::size_t sources() const { return counts_.size(); }

    // What another Gate goes on with, in another process too; all but what runs.
    struct State {
        std::uint64_t started = 0;
        std::optional<TimePoint> last_use{};
        RefusalCounts refused;
        TokenBucket::State bucket;
        SourceRates::State rates;
        Tally tally;
        LoadHistory::State load{};
        friend bool operator==(const State&, const State&) = default;
    };
    [[nodiscard]] State state(const Limits& limits, TimePoint now) const;
    void restore(const State& state, const Limits& limits, TimePoint now);
    // Counts an instance that runs already and was admitted by the Gate whose state this one has.
    [[nodiscard]] Slot readmit(const Limits& limits, const SocketAddress& peer);

    // Called after an instance was given back.
    void on_release(std::function<void()> callback) { on_release_ = std::move(callback); }

  private:
    friend class Slot;
    Refusal refuse(Refusal refusal, TimePoint now);
    LoadHistory& history();
    void count_by(const Limits& limits);
    std::optional<Refusal> ask_source(const Limits& limits, const SourceKey& client, TimePoint now);
    Slot admitted(const std::optional<SourceKey>& client);
    void release(const std::optional<SourceKey>& client);

    std::uint32_t running_ = 0;
    std::uint64_t started_ = 0;
    std::optional<TimePoint> last_use_;
    RefusalCounts refused_;
    bool keeps_history_ = false;
    std::unique_ptr<LoadHistory> history_; // while it is kept, from the first client on
    TokenBucket bucket_;
    Slot* slots_ = nullptr; // the first of those that have a client
    // How sources were told apart when they were last counted; nothing: nobody wants to know.
    std::optional<SourcePrefix> counted_by_;
    std::unordered_map<SourceKey, std::uint32_t, SourceHash> counts_;
    std::unique_ptr<SourceRates> rates_; // of a service that has a rate for a source
    std::unique_ptr<Tally> tally_;
    std::function<void()> on_release_;
};

} // namespace inetd
