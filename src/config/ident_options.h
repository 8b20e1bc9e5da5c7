#pragma once

#include "config/line.h"
#include "config/model.h"

#include <memory>

namespace inetd {

// What follows "internal auth", with FreeBSD's letters. Null, and reported, if there is an error.
[[nodiscard]] std::shared_ptr<const IdentOptions> read_ident_options(const Source& source,
                                                                     const ServiceLine& line);

} // namespace inetd
