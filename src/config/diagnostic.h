#pragma once

#include <string>
#include <vector>

namespace inetd {

// One thing that a person should know about a configuration file.
struct Diagnostic {
    enum class Severity { error, warning };

    Severity severity = Severity::error;
    std::string file;
    int line = 0;       // from 1; 0 = the file as a whole
    int column = 0;     // from 1, in bytes; 0 = the line as a whole
    std::string text;   // "unknown socket type 'steam'"
    std::string source; // the line as it stands in the file, without its newline
    std::string hint;   // "did you mean 'stream'?"; empty = none

    // "inetd.conf:3:7: error: unknown socket type 'steam'"
    [[nodiscard]] std::string headline() const;
    // The headline, then the source line, a caret below the column, and the hint.
    [[nodiscard]] std::string full() const;
};

using Diagnostics = std::vector<Diagnostic>;

[[nodiscard]] bool has_errors(const Diagnostics& diagnostics);

} // namespace inetd
