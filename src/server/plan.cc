#include "server/plan.h"

#include "net/socket.h"

#include <map>
#include <string_view>
#include <tuple>

namespace inetd {

template<typename T>
static bool same_value(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
    return a == b || (a && b && *a == *b);
}

static bool same_terms(const ServiceTerms& a, const ServiceTerms& b) {
    return a.protocol == b.protocol && a.socket == b.socket && a.limits == b.limits &&
           a.access == b.access && same_value(a.account, b.account) &&
           same_value(a.surroundings, b.surroundings) && a.idle_timeout == b.idle_timeout &&
           a.session_timeout == b.session_timeout && a.sensor == b.sensor &&
           a.kill_on_disconnect == b.kill_on_disconnect && a.listen_fds == b.listen_fds &&
           a.proxy_protocol == b.proxy_protocol && a.proxy_from == b.proxy_from &&
           same_value(a.relay, b.relay) && same_value(a.ident, b.ident) &&
           same_value(a.banner, b.banner) && same_value(a.banner_success, b.banner_success) &&
           same_value(a.banner_fail, b.banner_fail) && a.log_on_success == b.log_on_success &&
           a.log_on_failure == b.log_on_failure;
}

bool same_service(const ServiceConfig& a, const ServiceConfig& b) {
    return a.name == b.name && a.listen == b.listen && same_value(a.program, b.program) &&
           a.builtin == b.builtin && a.wait == b.wait && a.mux_greets == b.mux_greets &&
           (a.terms == b.terms || same_terms(*a.terms, *b.terms));
}

namespace {

struct SpecLess {
    bool operator()(const ListenSpec& a, const ListenSpec& b) const {
        const auto rest = [](const ListenSpec& s) {
            return std::make_tuple(s.type, s.protocol, s.dual_stack);
        };
        if (a.address == b.address) return rest(a) < rest(b);
        return a.address < b.address;
    }
};

class Planner {
  public:
    Planner(const std::vector<ServiceConfigPtr>& running,
            const std::vector<ServiceConfigPtr>& wanted)
        : running_(running), wanted_(wanted), taken_(running.size(), false) {}

    Plan make() {
        index_running();
        for (const ServiceConfigPtr& config : wanted_)
            plan_.targets.push_back(target_for(*config));
        list_closed();
        mark_clashes();
        count();
        return std::move(plan_);
    }

  private:
    void index_running() {
        for (std::size_t i = 0; i < running_.size(); ++i) {
            if (const auto name = running_[i]->mux_name(); !name.empty()) muxed_.emplace(name, i);
            for (std::size_t j = 0; j < running_[i]->listen.size(); ++j)
                sockets_.emplace(running_[i]->listen[j], Plan::Place{i, j});
        }
    }

    // Only the first that asks succeeds a service: two may not share its counters.
    void succeed(Plan::Target& target, std::size_t service) {
        if (target.successor_of || taken_[service]) return;
        target.successor_of = service;
        taken_[service] = true;
    }

    Plan::Target target_for(const ServiceConfig& config) {
        Plan::Target target;
        if (const auto name = config.mux_name(); !name.empty()) {
            const auto found = muxed_.find(name);
            if (found != muxed_.end()) succeed(target, found->second);
        }
        for (const ListenSpec& spec : config.listen) {
            const auto found = sockets_.find(spec);
            if (found == sockets_.end()) {
                target.sockets.emplace_back();
                continue;
            }
            target.sockets.emplace_back(found->second);
            succeed(target, found->second.service);
            sockets_.erase(found);
        }
        target.after_close.assign(target.sockets.size(), false);
        return target;
    }

    void list_closed() {
        for (const auto& [spec, place] : sockets_)
            plan_.closed.push_back(place);
    }

    void mark_clashes() {
        if (plan_.closed.empty()) return;
        std::multimap<std::uint32_t, const ListenSpec*> by_port;
        for (const Plan::Place& place : plan_.closed) {
            const ListenSpec& spec = running_[place.service]->listen[place.socket];
            by_port.emplace(spec.address.port(), &spec);
        }
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            for (std::size_t j = 0; j < wanted_[i]->listen.size(); ++j) {
                const ListenSpec& spec = wanted_[i]->listen[j];
                const auto [from, to] = by_port.equal_range(spec.address.port());
                for (auto item = from; item != to && !plan_.targets[i].sockets[j]; ++item) {
                    if (specs_clash(spec, *item->second)) plan_.targets[i].after_close[j] = true;
                }
            }
        }
    }

    void count() {
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            const auto old = plan_.targets[i].successor_of;
            if (!old) {
                ++plan_.added;
            } else if (same_service(*running_[*old], *wanted_[i])) {
                ++plan_.unchanged;
            } else {
                ++plan_.updated;
            }
        }
        for (const bool taken : taken_)
            plan_.removed += taken ? 0 : 1;
    }

    const std::vector<ServiceConfigPtr>& running_;
    const std::vector<ServiceConfigPtr>& wanted_;
    std::vector<bool> taken_;
    std::map<ListenSpec, Plan::Place, SpecLess> sockets_; // of the running ones, not yet kept
    std::map<std::string_view, std::size_t> muxed_;       // of the running ones
    Plan plan_;
};

} // namespace

Plan plan_reload(const std::vector<ServiceConfigPtr>& running,
                 const std::vector<ServiceConfigPtr>& wanted) {
    return Planner(running, wanted).make();
}

} // namespace inetd
