#pragma once

#include <cstdint>

namespace inetd {

// A process that was lent a socket can change it for all who share it. What here is looked for
// keeps clients from coming through.

// Whether its receiving side, or all of it, was shut down (shutdown(2)). Linux does that to a UDP
// socket as well, though it answers ENOTCONN.
[[nodiscard]] bool is_shut_down(int fd);

// Whether it has one peer, and gets the datagrams of nobody else (connect(2)).
[[nodiscard]] bool is_connected(int fd);
// Gives it back to everybody, or makes TCP's as if it were new, but bound. False where that cannot
// be.
bool disconnect(int fd);

enum class FilterState : std::uint8_t { none, removed, locked };
// Takes away what decides which packets come through (SO_ATTACH_FILTER and SO_LOCK_FILTER,
// socket(7)).
FilterState remove_filter(int fd);

} // namespace inetd
