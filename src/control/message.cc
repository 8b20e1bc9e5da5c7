#include "control/message.h"

#include <stdexcept>

namespace inetd::control {

// The library builds a value of any depth; the depth is bounded here for whoever walks it later.
static Json parse_object(std::string_view text, int deepest) {
    Json all = Json::parse(text, [deepest](int depth, Json::parse_event_t, const Json&) {
        if (depth > deepest) throw std::invalid_argument("it is nested too deep");
        return true;
    });
    if (!all.is_object()) throw std::invalid_argument("it is no object");
    return all;
}

static bool flag_of(const Json& all, const char* name) {
    const auto found = all.find(name);
    if (found == all.end() || found->is_null()) return false;
    return found->get<bool>();
}

static Json parameters_of(Json& all) {
    const auto found = all.find("parameters");
    if (found == all.end() || found->is_null()) return Json::object();
    if (!found->is_object()) throw std::invalid_argument("its parameters are no object");
    return std::move(*found);
}

Result<Call> parse_call(std::string_view text) {
    try {
        Json all = parse_object(text, kDeepestCall);
        return Call{.method = all.at("method").get<std::string>(),
                    .parameters = parameters_of(all),
                    .more = flag_of(all, "more"),
                    .oneway = flag_of(all, "oneway"),
                    .upgrade = flag_of(all, "upgrade")};
    } catch (const std::exception& error) {
        return Error{std::string("call: ") + error.what(), 0};
    }
}

static std::string text_of(const Json& all) {
    return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string call_text(const Call& call) {
    Json all{{"method", call.method}};
    if (!call.parameters.empty()) all["parameters"] = call.parameters;
    if (call.more) all["more"] = true;
    if (call.oneway) all["oneway"] = true;
    if (call.upgrade) all["upgrade"] = true;
    std::string text = text_of(all);
    text.push_back('\0');
    return text;
}

Result<Reply> parse_reply(std::string_view text) {
    static constexpr int kDeepestReply = 64;
    try {
        Json all = parse_object(text, kDeepestReply);
        Reply reply;
        if (all.contains("error")) reply.error = all["error"].get<std::string>();
        reply.continues = flag_of(all, "continues");
        reply.parameters = parameters_of(all);
        return reply;
    } catch (const std::exception& error) {
        return Error{std::string("reply: ") + error.what(), 0};
    }
}

std::string reply_text(const Reply& reply) {
    Json all = Json::object();
    if (!reply.error.empty()) all["error"] = reply.error;
    // varlink.org lets them be absent, but there are callers that insist.
    all["parameters"] = reply.parameters;
    if (reply.continues) all["continues"] = true;
    std::string text = text_of(all);
    text.push_back('\0');
    return text;
}

} // namespace inetd::control
