#pragma once

namespace inetd {

// Whether the session of this process has a controlling terminal, or may be given one later.
[[nodiscard]] bool may_have_terminal();

} // namespace inetd
