#pragma once

#include "ctl/context.h"

#include <string>

namespace inetd::ctl {

// The text of a field, fit for a terminal; empty where it is null.
[[nodiscard]] std::string text_of(const Json& item);
// "ftp/tcp", of an object with a name and a protocol.
[[nodiscard]] std::string service_of(const Json& item);

} // namespace inetd::ctl
