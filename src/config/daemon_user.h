#pragma once

#include "config/load.h"

namespace inetd {

// Looks up whom the daemon is to become (`user` of the settings file) and reports what that does
// not go together with: a line that starts a program, which would have no rights to do so, is none
// of the services.
void apply_daemon_user(Loaded& loaded);

} // namespace inetd
