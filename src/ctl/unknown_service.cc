#include "ctl/unknown_service.h"

#include "base/text.h"
#include "control/client.h"
#include "ctl/fields.h"

#include <fmt/format.h>
#include <optional>

namespace inetd::ctl {

// Where an error is no news.
static std::optional<Json> ask_quietly(const Context& context, const std::string& method) {
    auto client = control::Client::connect(socket_of(context));
    if (!client) return std::nullopt;
    const auto reply = client->call(method_name(method));
    if (!reply || !reply->error.empty()) return std::nullopt;
    return reply->parameters;
}

// Only root and the user of the daemon may ask for this.
static bool is_not_read_yet(const Context& context, const std::string& name) {
    const auto diff = ask_quietly(context, "Diff");
    if (!diff) return false;
    if (!diff->at("valid").get<bool>()) {
        complain("the configuration has errors, so inetd may not have read the line: see "
                 "'inetctl diff'");
        return true;
    }
    for (const Json& change : diff->at("changes")) {
        if (change.at("kind") != "added") continue;
        if (change.at("name") != name && service_of(change) != name) continue;
        complain(fmt::format("{}:{} has it, but inetd has not read that yet: 'inetctl reload'",
                             text_of(change.at("file")), change.at("line").get<int>()));
        return true;
    }
    return false;
}

void explain_unknown_service(const Context& context, const std::string& name) {
    if (is_not_read_yet(context, name)) return;
    const auto list = ask_quietly(context, "List");
    if (!list) return;
    std::vector<std::string> names;
    for (const Json& one : list->at("services"))
        names.push_back(text_of(one.at("name")));
    const auto meant = did_you_mean(name, {names.begin(), names.end()});
    if (meant) complain(fmt::format("did you mean '{}'?", *meant));
}

} // namespace inetd::ctl
