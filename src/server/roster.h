#pragma once

#include "event/loop.h"
#include "net/appearances.h"
#include "server/acceptor.h"
#include "server/launcher.h"
#include "server/plan.h"
#include "server/service.h"
#include "server/socket_keeper.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace inetd {

// The services that there are, and their sockets. Changes only by apply().
class Roster {
  public:
    Roster(EventLoop& loop, Acceptor& acceptor, Launcher& launcher, SocketKeeper& keeper)
        : loop_(loop),
          appearances_(loop, [this] { retry_absent(); }),
          admission_(acceptor.admission()),
          lender_(acceptor.lender()),
          launcher_(launcher),
          keeper_(keeper) {
        admission_.on_lost([this](Endpoint& endpoint) { reopen(endpoint); });
    }
    Roster(const Roster&) = delete;
    Roster& operator=(const Roster&) = delete;
    ~Roster();

    // Whether services get the daemon's own environment, from the next apply() on.
    void set_keep_environment(bool wanted) { keep_environment_ = wanted; }

    // What is now configured, in order: the `running` of plan_reload.
    [[nodiscard]] std::vector<ServiceConfigPtr> configs() const;
    // Makes the services be what `plan` made of `wanted`. Sockets that are kept are not closed at
    // any time; one that cannot be opened leaves its service failed and is tried again. Cannot
    // fail.
    void apply(const Plan& plan, const std::vector<ServiceConfigPtr>& wanted);
    // What the services that are made from now on begin with.
    void set_holds(std::function<Hold(const ServiceConfig&)> hold_of) {
        hold_of_ = std::move(hold_of);
    }
    // Until the next apply(). Where a service is disabled, its sockets are closed, and opened again
    // when it is not any more.
    void hold(Service& service, Hold hold);
    // Closes every socket and removes every unix path, but for what a daemon after us will need.
    void close_all(Parting why);

    // Somebody has asked for everything to come to an end, and it has not been resumed.
    [[nodiscard]] bool drained() const;
    // Null too if it is on hold.
    [[nodiscard]] Service* find_muxed(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> muxed_names() const;
    [[nodiscard]] const std::vector<Service>& services() const { return services_; }
    [[nodiscard]] std::vector<Service>& services() { return services_; }

  private:
    using Opened = std::vector<std::vector<Result<Listener>>>;

    [[nodiscard]] bool is_disabled(const ServiceConfig& config) const;
    Opened stage(const Plan& plan, const std::vector<ServiceConfigPtr>& wanted);
    void join_group(Service& service);
    std::shared_ptr<const AccessList> list_of(const AccessConfig& access);
    std::shared_ptr<const ServiceCommon> common_of(const ServiceConfig& config);
    void make_service(Service& service, const Plan::Target& target, ServiceConfigPtr config);
    void close_sockets(const std::vector<Plan::Place>& places);
    void keep_histories() const;
    void release_unsucceeded(const Plan& plan) const;
    void adopt(Endpoint& endpoint, Service& service, std::size_t index);
    void settle(Endpoint& endpoint, Result<Listener> opened);
    void retry(Endpoint& endpoint);
    void reopen(Endpoint& endpoint);
    bool await(Endpoint& endpoint, const Error& error);
    void retry_absent();
    void close_socket(Endpoint& endpoint);
    void stop_awaiting();

    EventLoop& loop_;
    Appearances appearances_;
    Admission& admission_;
    Lender& lender_;
    Launcher& launcher_;
    SocketKeeper& keeper_;
    bool keep_environment_ = false;
    // What services have from 'defaults', or alike for another reason, they share. These two are
    // only there while services are being made.
    using Lists = std::pair<AccessEntries, AccessEntries>;
    using Server = std::pair<std::shared_ptr<const Account>, std::shared_ptr<const Surroundings>>;
    std::map<Lists, std::shared_ptr<const AccessList>> lists_;
    std::map<std::pair<Server, Lists>, std::shared_ptr<const ServiceCommon>> commons_;
    std::function<Hold(const ServiceConfig&)> hold_of_; // empty: with none
    std::vector<Service> services_; // each stays where it is until the next apply()
    std::unordered_map<std::string, Service*> muxed_;
};

} // namespace inetd
