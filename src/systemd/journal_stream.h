#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string_view>

namespace inetd {

// A descriptor each line written to which becomes an entry of the journal under that name, as
// sd_journal_stream_fd(3) makes it, with "<level>" in front of a line heeded. It is blocking, for a
// child; but making it never waits: a journal that takes no more streams just now is an error.
[[nodiscard]] Result<Fd> open_journal_stream(std::string_view identifier, int level,
                                             std::string_view path = "/run/systemd/journal/stdout");

} // namespace inetd
