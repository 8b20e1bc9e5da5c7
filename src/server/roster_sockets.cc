// How the sockets of services come to be open: at once, later, or when their address appears.
#include "server/roster.h"

#include "base/seconds.h"
#include "log/log.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace inetd {

void Roster::settle(Endpoint& endpoint, Result<Listener> opened) {
    const std::string& name = endpoint.service->name();
    admission_.feed().changed(*endpoint.service);
    if (opened) {
        const auto& failure = endpoint.failure;
        const bool late = failure && (failure->backoff.active() || failure->absent);
        const auto level = late ? log::Level::notice : log::Level::debug;
        log::print(level, {.service = name}, "{}: listening on {}", name,
                   endpoint.spec().address.to_string());
        endpoint.failure.reset(); // and the next try, if this one has come before it
        endpoint.listener = std::move(*opened);
        lender_.find_borrower(endpoint);
        admission_.arm(endpoint);
        return;
    }
    if (await(endpoint, opened.error())) return;
    Failure& failure = endpoint.failure.get();
    const Duration wait = failure.backoff.next();
    failure.why = opened.error().text();
    log::error({.event = log::Event::cannot_listen, .service = name},
               "{}: {}; retrying in {:.1f} s", name, failure.why, seconds(wait));
    failure.timer = loop_.after(wait, [this, &endpoint] { retry(endpoint); });
}

void Roster::retry(Endpoint& endpoint) {
    settle(endpoint, keeper_.open(*endpoint.service->config, endpoint.spec()));
}

void Roster::reopen(Endpoint& endpoint) {
    close_socket(endpoint);
    launcher_.spawner().settle();
    retry(endpoint);
}

// Whether the failure is one that ends with an event.
bool Roster::await(Endpoint& endpoint, const Error& error) {
    const bool interface = error.code == ENODEV;
    const bool may_appear = interface || error.code == EADDRNOTAVAIL;
    const bool watched = appearances_.tells_of(interface);
    if (!may_appear || !endpoint.spec().address.is_ip() || !appearances_.start(interface)) {
        if (endpoint.failure) endpoint.failure->absent = false;
        return false;
    }
    if (!watched) {
        // It may have come between the failure and now.
        retry(endpoint);
        stop_awaiting();
        return true;
    }
    Failure& failure = endpoint.failure.get();
    const bool known = std::exchange(failure.absent, true) && failure.why == error.text();
    failure.why = error.text();
    failure.timer.reset();
    const std::string& name = endpoint.service->name();
    if (!known)
        log::error({.event = log::Event::cannot_listen, .service = name},
                   "{}: {}; waiting for it to appear", name, error.text());
    return true;
}

static bool is_absent(const Endpoint& endpoint) {
    return endpoint.failure && endpoint.failure->absent;
}

void Roster::retry_absent() {
    for (const Service& service : services_) {
        for (const auto& endpoint : service.endpoints) {
            if (is_absent(*endpoint)) retry(*endpoint);
        }
    }
    stop_awaiting();
}

void Roster::stop_awaiting() {
    const bool any = std::any_of(services_.begin(), services_.end(), [](const Service& service) {
        return std::any_of(service.endpoints.begin(), service.endpoints.end(),
                           [](const auto& endpoint) { return is_absent(*endpoint); });
    });
    if (!any) appearances_.stop();
}

} // namespace inetd
