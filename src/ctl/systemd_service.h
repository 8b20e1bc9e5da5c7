#pragma once

#include "ctl/imported.h"
#include "ctl/unit_file.h"
#include "ctl/unit_values.h"

#include <string>

namespace inetd::ctl {

// Says at the place of a setting that it has no counterpart, or what is different.
void note_missing(ImportedService& model, const UnitSetting& setting, std::string text);
void note_approximate(ImportedService& model, const UnitSetting& setting, std::string text);
void note_error(ImportedService& model, const UnitSetting& setting, std::string text);

// All that nobody has asked for.
void note_rest(ImportedService& model, const UnitValues& values, const std::string& section);

// Adds to `model` the user, the program and the settings that a service unit gives, and notes what
// it does not take over. `accept`: there is a server for each connection.
void add_unit_service(const Unit& unit, bool accept, ImportedService& model);

} // namespace inetd::ctl
