#include "ctl/witness.h"

#include "ctl/fields.h"
#include "ctl/text.h"

namespace inetd::ctl {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Witness::Witness(const Context& context, std::string service)
    : context_(context), service_(std::move(service)), since_(calendar_now()) {
    auto client = control::Client::connect(socket_of(context));
    if (!client) return;
    const auto first = client->call(method_name("Monitor"), {{"name", service_}}, true);
    if (first && first->error.empty()) client_ = std::move(*client);
}

void Witness::take(const Json& event, const std::string& own, Account& account) {
    if (event.is_null()) return;
    // The peer of a wait server is not known, and one of a unix socket has no name.
    const std::string peer = text_of(event.at("peer"));
    const bool has_name = !own.empty() && own.front() != '@' && own != "unnamed";
    if (!peer.empty() && has_name && !peer.ends_with(own)) return;
    const std::string kind = text_of(event.at("kind"));
    if (kind == "started" && event.at("pid").is_number()) account.pid = event.at("pid").get<int>();
    if (kind == "ended") account.ended = text_of(event.at("text"));
    if (kind == "refused") account.refused = text_of(event.at("text"));
}

void Witness::read_log(Account& account) const {
    auto client = control::Client::connect(socket_of(context_));
    if (!client) return;
    const auto reply = client->call(method_name("Log"), {{"name", service_}});
    if (!reply || !reply->error.empty()) return;
    for (const Json& line : reply->parameters.at("lines")) {
        const std::string level = text_of(line.at("level"));
        if (line.at("time").get<double>() >= since_ && (level == "error" || level == "warning"))
            account.messages.push_back(text_of(line.at("text")));
    }
}

Witness::Account Witness::account(const std::string& own, bool ends) {
    constexpr milliseconds kPatience{1000};
    Account account;
    const auto until = steady_clock::now() + (ends ? kPatience : milliseconds::zero());
    // Others may be served without end, too.
    const auto enough = until + kPatience;
    while (client_ && !account.ended && !account.refused && steady_clock::now() < enough) {
        const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        const auto reply = client_->next(std::max(left, milliseconds::zero()));
        if (!reply || !reply->error.empty()) break;
        take(reply->parameters.at("event"), own, account);
    }
    read_log(account);
    return account;
}

} // namespace inetd::ctl
