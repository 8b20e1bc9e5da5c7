#pragma once

#include <string>

namespace inetd {

// Tells whoever started us how we are, by sd_notify(3): "READY=1", "STOPPING=1\nSTATUS=...". Does
// nothing where no NOTIFY_SOCKET is set.
void notify(const std::string& state);

} // namespace inetd
