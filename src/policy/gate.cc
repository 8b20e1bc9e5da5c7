#include "policy/gate.h"

#include <utility>

namespace inetd {

Slot::Slot(std::shared_ptr<Gate> gate, const std::optional<SourceKey>& client)
    : gate_(std::move(gate)), client_(client) {
    link();
}

Slot::Slot(Slot&& other) noexcept
    : gate_(std::move(other.gate_)),
      client_(other.client_),
      next_(std::exchange(other.next_, nullptr)),
      before_(std::exchange(other.before_, nullptr)) {
    if (!gate_ || !client_) return;
    (before_ != nullptr ? before_->next_ : gate_->slots_) = this;
    if (next_ != nullptr) next_->before_ = this;
}

void Slot::link() {
    if (!client_) return;
    next_ = std::exchange(gate_->slots_, this);
    if (next_ != nullptr) next_->before_ = this;
}

void Slot::unlink() {
    if (!client_) return;
    (before_ != nullptr ? before_->next_ : gate_->slots_) = next_;
    if (next_ != nullptr) next_->before_ = before_;
}

Slot::~Slot() {
    if (!gate_) return;
    unlink();
    gate_->release(client_);
}

Gate::Room Gate::room(const Limits& limits, TimePoint now) const {
    Room room;
    room.full = limits.instances != 0 && running_ >= limits.instances;
    if (limits.rate.is_limit()) room.rate = bucket_.wait(limits.rate, now);
    return room;
}

std::variant<Slot, Refusal> Gate::admit(const Limits& limits, const SocketAddress& peer,
                                        TimePoint now, Ask ask) {
    if (limits.overflow == Overflow::refuse && ask != Ask::source) {
        if (const Room left = room(limits, now); !left)
            return refuse(left.full ? Refusal::instances : Refusal::rate, now);
    }
    std::optional<SourceKey> client;
    if (ask != Ask::service) {
        count_by(limits);
        client = address_key(peer);
        const auto refusal = client ? ask_source(limits, *client, now) : std::nullopt;
        if (refusal) return refuse(*refusal, now);
        ++started_;
        last_use_ = now;
        if (keeps_history_) history().accepted(now);
    }
    if (limits.rate.is_limit() && ask != Ask::source) bucket_.take(limits.rate, now);
    return admitted(client);
}

std::optional<Refusal> Gate::ask_source(const Limits& limits, const SourceKey& client,
                                        TimePoint now) {
    if (limits.per_source != 0) {
        const auto found = counts_.find(client.within(limits.prefix));
        if (found != counts_.end() && found->second >= limits.per_source)
            return Refusal::source_instances;
    }
    if (!limits.source_rate.is_limit()) {
        rates_.reset();
        return std::nullopt;
    }
    if (!rates_) rates_ = std::make_unique<SourceRates>(limits.prefix);
    if (rates_->take(limits.source_rate, limits.prefix, client, now)) return std::nullopt;
    return Refusal::source_rate;
}

// A reload may have changed whether sources are counted, and what is one.
void Gate::count_by(const Limits& limits) {
    const auto wanted = limits.per_source != 0 ? std::optional(limits.prefix) : std::nullopt;
    if (wanted == counted_by_) return;
    counted_by_ = wanted;
    counts_.clear();
    if (!wanted) return;
    for (const Slot* slot = slots_; slot != nullptr; slot = slot->next_)
        ++counts_[slot->client_->within(*wanted)];
}

Slot Gate::admitted(const std::optional<SourceKey>& client) {
    if (client && counted_by_) ++counts_[client->within(*counted_by_)];
    ++running_;
    return {shared_from_this(), client};
}

Refusal Gate::refuse(Refusal refusal, TimePoint now) {
    count(refusal, now);
    return refusal;
}

Tally& Gate::tally() {
    if (!tally_) tally_ = std::make_unique<Tally>();
    return *tally_;
}

void Gate::count(Refusal refusal, TimePoint now, std::uint64_t times) {
    refused_.add(refusal, times);
    if (keeps_history_ && times != 0) history().refused(now, times);
}

void Gate::keep_history(bool wanted) {
    keeps_history_ = wanted;
    if (!wanted) history_.reset();
}

LoadHistory& Gate::history() {
    if (!history_) history_ = std::make_unique<LoadHistory>();
    return *history_;
}

std::vector<LoadHistory::Span> Gate::history(TimePoint now) const {
    return history_ ? history_->spans(now) : std::vector<LoadHistory::Span>();
}

Gate::State Gate::state(const Limits& limits, TimePoint now) const {
    State state{.started = started_,
                .last_use = last_use_,
                .refused = refused_,
                .bucket = bucket_.state(),
                .rates = {},
                .tally = tally_ ? *tally_ : Tally(),
                .load = history_ ? history_->state() : LoadHistory::State()};
    if (rates_ && limits.source_rate.is_limit())
        state.rates = rates_->state(limits.source_rate, now);
    return state;
}

void Gate::restore(const State& state, const Limits& limits, TimePoint now) {
    started_ = state.started;
    last_use_ = state.last_use;
    refused_ = state.refused;
    bucket_ = TokenBucket(state.bucket);
    if (state.tally != Tally()) tally() = state.tally;
    if (keeps_history_ && !state.load.empty()) history() = LoadHistory(state.load);
    if (!state.rates.sources.empty() && limits.source_rate.is_limit())
        rates_ = std::make_unique<SourceRates>(state.rates, limits.source_rate, now);
}

Slot Gate::readmit(const Limits& limits, const SocketAddress& peer) {
    count_by(limits);
    return admitted(address_key(peer));
}

void Gate::release(const std::optional<SourceKey>& client) {
    --running_;
    if (client && counted_by_) {
        const auto found = counts_.find(client->within(*counted_by_));
        if (--found->second == 0) counts_.erase(found);
    }
    if (on_release_) on_release_();
}

} // namespace inetd
