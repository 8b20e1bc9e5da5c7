#pragma once

#include "ctl/imported.h"
#include "ctl/unit_file.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// Socket units with the services that they start.
[[nodiscard]] Imported import_systemd(const std::vector<std::string>& units);

// `service` is null if there is none to be had.
void import_unit(const Unit& socket, const Unit* service, Imported& into);

// The name of the unit that a socket unit starts.
[[nodiscard]] std::string service_of(const Unit& socket);

} // namespace inetd::ctl
