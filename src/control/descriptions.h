#pragma once

#include <string_view>

namespace inetd::control {

// The interfaces as https://varlink.org/Interface-Definition describes them; the texts stand in the
// *.varlink files of this folder.
extern const std::string_view kServiceDescription;
extern const std::string_view kControlDescription;

inline constexpr std::string_view kControl = "io.inetd.Control";
// Errors of that interface, by their full names.
inline constexpr const char* kBusy = "io.inetd.Control.Busy";
inline constexpr const char* kNoSuchService = "io.inetd.Control.NoSuchService";
inline constexpr const char* kNoSuchProcess = "io.inetd.Control.NoSuchProcess";
inline constexpr const char* kUpgradeRefused = "io.inetd.Control.UpgradeRefused";
inline constexpr const char* kNotNow = "io.inetd.Control.NotNow";

} // namespace inetd::control
