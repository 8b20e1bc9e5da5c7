#pragma once

#include <cstdint>

namespace inetd {

// What a child was about to do; in this order.
enum class SpawnStage : std::uint8_t {
    control_group,
    descriptors,
    session,
    priority,
    io_priority,
    network,
    root,
    paths,
    limits,
    groups,
    group,
    user,
    capabilities,
    directory,
    no_new_privileges,
    landlock,
    mask,
    exec
};
// "setting the group"; for exec just "exec".
[[nodiscard]] const char* stage_text(SpawnStage stage);

} // namespace inetd
