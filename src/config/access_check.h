#pragma once

#include "config/draft.h"
#include "config/line.h"
#include "config/source.h"

namespace inetd {

// Whether the lists of a service that is otherwise complete can be applied to it; false, and
// reported, if a service would be open to those whom they are to keep out, or say that they do.
// `base`: what holds for all services; what of that has no effect on this one draws a warning,
// because whoever wrote it counts on it.
bool check_access(const Source& source, const ServiceLine& line, const Draft& draft,
                  const AccessConfig& base);

} // namespace inetd
