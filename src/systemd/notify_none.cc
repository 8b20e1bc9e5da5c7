#include "systemd/notify.h"

namespace inetd {

void notify(const std::string&) {}

} // namespace inetd
