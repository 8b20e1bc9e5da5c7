#pragma once

#include "ctl/imported.h"
#include "ctl/unit_values.h"

namespace inetd::ctl {

// What a service unit's server may use and do: limits, priorities, capabilities, control group.
void add_unit_limits(UnitValues& values, bool accept, ImportedService& model);

} // namespace inetd::ctl
