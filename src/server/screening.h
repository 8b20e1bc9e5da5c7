#pragma once

#include "event/loop.h"
#include "policy/load_average.h"
#include "policy/refusal.h"
#include "policy/throttle.h"
#include "server/admission.h"
#include "server/client.h"
#include "server/resolver_pool.h"
#include "server/service.h"

#include <functional>
#include <memory>
#include <optional>

namespace inetd {

// Who may come to a service at all, by its lists, its times and the load of the machine. Only for
// services that are `screened`; the others cost a branch of the caller's.
class Screening {
  public:
    Screening(EventLoop& loop, Admission& admission);

    enum class Verdict { admitted, refused, unknown };
    // What can be told at once. Who is refused has been counted and noted.
    Verdict look(Service& service, const SocketAddress& peer, int connection);

    // A client of whom it is unknown, and what becomes of it: one of these is called when it is
    // known, in this call or later, unless the service is gone by then.
    struct Visit {
        Client client;
        std::function<Service*()> service; // as it is by then, after a reload; null: gone
        std::function<void(Service&, Client)> admitted;
        std::function<void(Service&, Client)> refused;
    };
    void look_up(Visit visit);

    // The same for the sender of a datagram, of whom the address alone is known.
    bool admits_sender(Service& service, const SocketAddress& sender);

    [[nodiscard]] ResolverPool& resolver() { return resolver_; }
    [[nodiscard]] const ResolverPool& resolver() const { return resolver_; }

  private:
    // What was asked for, and of what there is no answer yet.
    struct Known {
        std::optional<HostNames> names{};
        std::optional<InquiryReply> wrappers{};
    };
    struct Finding {
        std::optional<Refusal> refusal{};
        std::optional<Inquiry::Kind> missing{};
    };
    struct Pending;
    Finding judge(const Service& service, const SocketAddress& peer, int connection,
                  const Known& known);
    [[nodiscard]] Finding judge_lists(const AccessList& list, const SocketAddress& peer,
                                      int connection, const Known& known) const;
    void proceed(const std::shared_ptr<Pending>& pending);
    void note_trouble(const Error& error);
    bool is_overloaded(double most);

    EventLoop& loop_;
    Admission& admission_;
    LoadAverage load_;
    Throttle load_notes_;
    Throttle trouble_notes_;
    ResolverPool resolver_;
};

} // namespace inetd
