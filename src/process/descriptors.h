#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace inetd {

// How many descriptors this process has open, as /proc says; 0 if it does not.
[[nodiscard]] std::size_t count_descriptors();

// RLIMIT_NOFILE as it was before raise_descriptor_limit(), and whether that has raised it.
struct DescriptorLimit {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool raised = false;
};
// Lets us have as many descriptors as the hard limit says. Nothing if there is no telling.
std::optional<DescriptorLimit> raise_descriptor_limit();

} // namespace inetd
