#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace inetd::ctl {

// The words of a setting, with quotes and backslashes resolved as systemd does. Nothing for a quote
// that does not end or a backslash that means nothing.
[[nodiscard]] std::optional<std::vector<std::string>> unit_words(const std::string& text);

// The text with its %-specifiers replaced, and those that cannot be. `unit` is the unit's name.
struct ExpandedText {
    std::string text;
    std::vector<std::string> unknown{}; // "%i"
};
[[nodiscard]] ExpandedText expand_specifiers(const std::string& text, const std::string& unit);

using Variables = std::map<std::string, std::string>;

// A command line as ExecStart= has it.
struct UnitCommand {
    std::string prefixes;          // of "-@:+!"
    std::vector<std::string> argv; // never empty; argv[0] is the path unless '@' says otherwise
    std::string path;
    bool has_more = false;             // further commands after a ";"
    std::vector<std::string> unset{};  // variables without a value
    std::vector<std::string> expanded; // variables with one
};

// $NAME and ${NAME} are replaced. The path is made absolute by way of the usual directories; empty
// if the program is in none of them.
[[nodiscard]] std::optional<UnitCommand> unit_command(const std::string& text,
                                                      const Variables& variables);

} // namespace inetd::ctl
