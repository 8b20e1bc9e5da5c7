#pragma once

#include "base/result.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

// The messages of Varlink (https://varlink.org/Method-Call): JSON objects, each followed by a NUL.
namespace inetd::control {

using Json = nlohmann::json;

// Whoever may connect may send what he likes; no call of ours is nearly as long or as deep.
inline constexpr std::size_t kMostCall = 65536; // bytes, with the NUL
inline constexpr int kDeepestCall = 16;

struct Call {
    std::string method;               // "io.inetd.Control.Reload"
    Json parameters = Json::object(); // always an object
    bool more = false;                // the caller takes several replies
    bool oneway = false;              // and this one none
    bool upgrade = false;             // wants the connection for something else
};

// Without the NUL. Error: it is no call.
[[nodiscard]] Result<Call> parse_call(std::string_view text);
[[nodiscard]] std::string call_text(const Call& call);

// What answers a call.
struct Reply {
    Json parameters = Json::object();
    std::string error{};    // "org.varlink.service.MethodNotFound"; empty = it went well
    bool continues = false; // more will follow
};

[[nodiscard]] Result<Reply> parse_reply(std::string_view text);
// With the NUL. Text that is not UTF-8 is made so.
[[nodiscard]] std::string reply_text(const Reply& reply);

} // namespace inetd::control
