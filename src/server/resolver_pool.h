#pragma once

#include "base/cidr.h"
#include "builtin/idle_list.h"
#include "event/loop.h"
#include "policy/name_cache.h"
#include "process/resolver_process.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <vector>

namespace inetd {

// Asks name services and hosts_access(5), which may take as long as they like, in processes of its
// own: started at the first question, a few at most, ended when nobody has asked for a while. One
// that does not answer in time is killed. Names are remembered for a while. Whose name server never
// answers can have several addresses, and connect again and again: one network (a /24 of IPv4, a
// /64 of IPv6) has a part of the processes and of those who wait at most.
class ResolverPool {
  public:
    static constexpr std::size_t kMostWaitingOfOne = 128; // less than the default of `instances`
    using Done = std::function<void(const InquiryReply&)>;
    // `trouble`: a resolver cannot be started.
    ResolverPool(EventLoop& loop, std::function<void(const Error&)> trouble,
                 Duration timeout = std::chrono::seconds(5));
    ~ResolverPool();

    // What is remembered; null: ask. Valid until the next call.
    [[nodiscard]] const HostNames* known(const SocketAddress& client) const;
    // `done` is called once, in this call or later, with an answer or, when there was none in time
    // or too many ask, without. It may call anything here.
    void ask(const Inquiry& inquiry, Done done);
    // Those who wait for an answer.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

    // What is remembered is asked anew from now on.
    void forget() { cache_.clear(); }
    // Ends the processes, which other ones take the place of when they are needed.
    void retire();
    // Ends the processes, and forgets who waits without calling them.
    void stop_all();

  private:
    struct Question;
    struct Worker;
    using Handle = IdleList<Question>::Handle;
    using Workers = std::list<Worker>;

    [[nodiscard]] std::size_t waiting_in(const Cidr& network) const;
    void pump();
    std::deque<Handle>::iterator next();
    [[nodiscard]] Workers::iterator idle_worker();
    bool start_worker();
    void read(Workers::iterator worker);
    void end_worker(Workers::iterator worker);
    void finish(Handle question, const InquiryReply& reply);

    EventLoop& loop_;
    std::function<void(const Error&)> trouble_;
    NameCache cache_;
    IdleList<Question> questions_; // by their age
    std::deque<Handle> queue_;     // those that no worker has
    std::map<SocketAddress, Handle> open_names_;
    Workers workers_;
    std::size_t waiting_ = 0;
    Timer rest_;
};

} // namespace inetd
