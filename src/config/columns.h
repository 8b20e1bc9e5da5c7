#pragma once

#include "config/line.h"

#include <string_view>

namespace inetd {

// Each reads one column into `line`; false, and reported, if it holds an error.
bool read_service(const Source& source, const Token& token, ServiceLine& line);
bool read_type(const Source& source, const Token& token, ServiceLine& line);
bool read_protocol(const Source& source, const Token& token, ServiceLine& line); // after the type
bool read_wait(const Source& source, const Token& token, ServiceLine& line);
bool read_user(const Source& source, const Token& token, ServiceLine& line);

// Whether a word is one of those that read_type() and read_protocol() take, without their suffixes;
// of a protocol, one of those of types other than raw.
[[nodiscard]] bool names_type(std::string_view word);
[[nodiscard]] bool names_protocol(std::string_view word);

// "64k" in bytes, for SO_SNDBUF and SO_RCVBUF.
bool read_buffer(const Source& source, const Token& token, int& bytes);

// What the columns say together: sockets that do not exist, limits that cannot hold.
bool check_line(const Source& source, const ServiceLine& line, Position wait_at);
// Warns of an argv[0] that was meant as an argument.
void check_argv0(const Source& source, const ServiceLine& line);

} // namespace inetd
