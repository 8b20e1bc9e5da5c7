#include "ctl/diagnostics.h"

#include "ctl/fields.h"
#include "ctl/text.h"

#include <fmt/core.h>

namespace inetd::ctl {

static std::string diagnostic_text(const Json& one) {
    std::string where = text_of(one.at("file"));
    const int line = one.at("line").get<int>();
    const int column = one.at("column").get<int>();
    if (line > 0) where += fmt::format(":{}", line);
    if (line > 0 && column > 0) where += fmt::format(":{}", column);
    std::string out =
        fmt::format("{}: {}: {}\n", where, text_of(one.at("severity")), text_of(one.at("text")));
    const std::string source = text_of(one.at("source"));
    if (line > 0 && !source.empty()) out += source + "\n";
    if (line > 0 && column > 0 && static_cast<std::size_t>(column) <= source.size() + 1)
        out +=
            std::string(
                width_of(std::string_view(source).substr(0, static_cast<std::size_t>(column) - 1)),
                ' ') +
            "^\n";
    if (const std::string hint = text_of(one.at("hint")); !hint.empty())
        out += "hint: " + hint + "\n";
    return out;
}

std::string diagnostics_text(const Json& diagnostics) {
    std::string out;
    for (const Json& one : diagnostics)
        out += diagnostic_text(one);
    return out;
}

std::size_t count_errors(const Json& diagnostics) {
    std::size_t errors = 0;
    for (const Json& one : diagnostics)
        errors += one.at("severity") == "error" ? 1U : 0U;
    return errors;
}

} // namespace inetd::ctl
