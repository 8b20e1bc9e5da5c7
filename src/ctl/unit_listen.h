#pragma once

#include "ctl/imported.h"
#include "ctl/unit_values.h"

#include <string>

namespace inetd::ctl {

// Fills the columns of the address and the protocol from the value of a Listen...= of [Socket]; the
// type and `wait` must be known. False if inetd.conf(5) has no way to say it.
[[nodiscard]] bool set_address(ImportedService& model, const std::string& listen,
                               UnitValues& socket);

// Takes out the settings that other sockets of the unit are meant by: those of TCP on a unix
// socket, and so on.
void drop_what_lacks_effect(ImportedService& model);

} // namespace inetd::ctl
