#pragma once

#include "config/line.h"

#include <optional>
#include <string>
#include <vector>

namespace inetd {

// A service that stands in no file: `--exec SPEC -- COMMAND [ARGUMENT...]` of the command line.
struct ExecService {
    std::string spec;                 // the words that are the columns of inetd.conf elsewhere
    std::vector<std::string> command; // never empty
    std::string program;              // of the command: absolute, or without any slash
};

// What diagnostics call the file; the line is the number of the --exec, from 1.
inline constexpr const char* kExecFile = "--exec";

// The text that is shown as the line, the words of SPEC first.
[[nodiscard]] std::string shown_text(const ExecService& exec);
// Where the command stands in it.
[[nodiscard]] Position command_position(const ExecService& exec, int number);

// Makes a line of the words of SPEC, in whatever order they stand: type, protocol and wait are
// known by their words, of two others the first is the socket and the second the user. What is left
// out is stream, tcp, nowait, or what the rest implies; without a user it is left empty, for
// whoever runs inetd. The program is left as it is in `exec`. Nothing, and reported, if there is an
// error.
[[nodiscard]] std::optional<ServiceLine> parse_exec(const Source& source, const Line& words,
                                                    const ExecService& exec, int number);

// What is wrong with the socket or the user may be a misspelt word: adds hints to the diagnostics
// from `first` on.
void suggest_words(const Line& words, std::size_t first, Diagnostics& diagnostics);

} // namespace inetd
