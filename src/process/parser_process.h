#pragma once

#include "process/worker_process.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// Longer than any question or answer of a parser; what is longer is cut.
inline constexpr std::size_t kLongestParserDatagram = std::size_t{32} * 1024;

// What a parser says first, when it is ready.
inline constexpr std::string_view kParserReady = "ready";

// A worker that gives to each question that it is sent what `answer` makes of it, one after the
// other; where that is empty it ends. `answer` may do nothing but calculate: the worker has little
// memory, can open nothing, and is killed by any system call but those that it needs to read, to
// write and to allocate, where there are such filters. Where there are none it has to be nobody, or
// it ends at once.
[[nodiscard]] Result<WorkerProcess> start_parser(std::string (*answer)(std::string_view question));

// Without waiting. False if it has gone.
[[nodiscard]] bool send_to_parser(int socket, std::string_view question);
// Empty: it has gone. Nothing: it has not answered yet.
[[nodiscard]] std::optional<std::string> receive_from_parser(int socket);

} // namespace inetd
