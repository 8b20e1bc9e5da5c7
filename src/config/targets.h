#pragma once

#include "config/hosts.h"
#include "config/lookup.h"
#include "config/model.h"
#include "config/ports.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace inetd {

// "a host and a port..." in messages.
inline constexpr std::string_view kTargetForms =
    R"("HOST PORT", "HOST:PORT", "[ADDRESS]:PORT" or the "/path" or "@name" of a unix socket)";

// What a relay leads to, in words.
struct TargetText {
    std::string host; // empty for a unix socket
    std::string port; // a number or a name; or the path of the unix socket
};

// Nothing if the text has none of the forms. Pure.
[[nodiscard]] std::optional<TargetText> parse_target(std::string_view text);

// The targets of a configuration: each looked up once, equal ones are one object.
class Targets {
  public:
    // `text` is of one of the forms.
    const Lookup<std::shared_ptr<const RelayTarget>>& find(const std::string& text);

  private:
    Lookup<std::shared_ptr<const RelayTarget>> look_up(const std::string& text);

    Hosts hosts_;
    Ports ports_;
    std::unordered_map<std::string, Lookup<std::shared_ptr<const RelayTarget>>> known_;
};

} // namespace inetd
