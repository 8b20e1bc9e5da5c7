#include "ctl/top_source.h"

#include "ctl/fields.h"

#include <cerrno>

namespace inetd::ctl {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

static double seconds_now() {
    return std::chrono::duration<double>(steady_clock::now().time_since_epoch()).count();
}

Error TopSource::refused(const control::Reply& reply) {
    refusal_ = reply;
    return Error{reply.error, 0};
}

Result<void> TopSource::connect() {
    auto client = control::Client::connect(socket_of(context_));
    if (!client) return client.error();
    // Not for long: nobody can press a key meanwhile.
    constexpr milliseconds kPatience{5000};
    const auto asked = client->send(method_name("GetStatus"));
    const auto status = client->next(kPatience);
    if (!status) return asked ? status.error() : asked.error();
    if (!status->error.empty()) return refused(*status);
    about_.version = text_of(status->parameters.at("version"));
    about_.started = status->parameters.at("started").get<double>();
    about_.pid = status->parameters.at("pid").get<pid_t>();
    // Not if it is in another namespace of processes.
    about_.is_near = client->peer() == about_.pid;
    client_ = std::move(*client);
    return {};
}

Result<void> TopSource::ask() {
    return client_->send(method_name("List"), {{"pids", true}});
}

Result<std::optional<TopSample>> TopSource::take(milliseconds patience) {
    const auto reply = client_->next(patience);
    if (!reply && reply.error().code == ETIMEDOUT) return std::optional<TopSample>();
    if (!reply) return reply.error();
    if (!reply->error.empty()) return refused(*reply);
    TopSample sample{.at = seconds_now(),
                     .services = top_services(reply->parameters.at("services")),
                     .usage = {}};
    if (!about_.is_near) return std::optional(std::move(sample));
    const auto add = [&](pid_t pid) {
        if (const auto usage = usage_of(pid)) sample.usage[pid] = *usage;
    };
    for (const TopSample::Service& service : sample.services)
        for (const pid_t pid : service.pids)
            add(pid);
    add(about_.pid);
    return std::optional(std::move(sample));
}

} // namespace inetd::ctl
