#include "ctl/unit_command.h"

#include "base/text.h"
#include "base/variables.h"
#include "ctl/text_file.h"

#include <array>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace inetd::ctl {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// What follows a backslash: systemd.syntax(7). False if it means nothing.
bool unescape(std::string_view& text, std::string& out) {
    static constexpr std::string_view kLetters = "abfnrtv\\\"'s";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"' ";
    if (text.empty()) return false;
    if (const auto at = kLetters.find(text.front()); at != std::string_view::npos) {
        out += kMeanings[at];
        text.remove_prefix(1);
        return true;
    }
    const bool hex = text.front() == 'x';
    if (hex) text.remove_prefix(1);
    const std::size_t digits = hex ? 2 : 3;
    if (text.size() < digits) return false;
    int code = 0;
    const char* end = text.data() + digits;
    const auto [stop, error] = std::from_chars(text.data(), end, code, hex ? 16 : 8);
    if (error != std::errc{} || stop != end || code <= 0 || code > 255) return false;
    out += static_cast<char>(code);
    text.remove_prefix(digits);
    return true;
}

// One word off the front of the text, which does not begin with a blank.
std::optional<std::string> take_word(std::string_view& text) {
    std::string word;
    char quote = 0;
    while (!text.empty()) {
        const char c = text.front();
        if (quote == 0 && kBlanks.find(c) != std::string_view::npos) return word;
        text.remove_prefix(1);
        if (c == '\\') {
            if (!unescape(text, word)) return std::nullopt;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else {
            word += c;
        }
    }
    if (quote != 0) return std::nullopt;
    return word;
}

std::string directory_of(char specifier) {
    switch (specifier) {
    case 't':
        return "/run";
    case 'S':
        return "/var/lib";
    case 'C':
        return "/var/cache";
    case 'L':
        return "/var/log";
    case 'E':
        return "/etc";
    case 'T':
        return "/tmp";
    case 'V':
        return "/var/tmp";
    default:
        return {};
    }
}

} // namespace

std::optional<std::vector<std::string>> unit_words(const std::string& text) {
    std::vector<std::string> words;
    std::string_view left = trimmed(text);
    while (!left.empty()) {
        auto word = take_word(left);
        if (!word) return std::nullopt;
        words.push_back(std::move(*word));
        left = trimmed(left);
    }
    return words;
}

ExpandedText expand_specifiers(const std::string& text, const std::string& unit) {
    ExpandedText out;
    const std::string stem = unit.substr(0, unit.rfind('.'));
    const auto at = stem.find('@');
    const bool is_template = at != std::string::npos && at + 1 == stem.size();
    const std::string prefix = stem.substr(0, at);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 1 == text.size()) {
            out.text += text[i];
            continue;
        }
        const char what = text[++i];
        const std::string directory = directory_of(what);
        if (what == '%')
            out.text += '%';
        else if (what == 'p')
            out.text += prefix;
        else if (what == 'n' && !is_template)
            out.text += unit;
        else if (what == 'N' && !is_template)
            out.text += stem;
        else if (what == 'i' && !is_template && at != std::string::npos)
            out.text += stem.substr(at + 1);
        else if (!directory.empty())
            out.text += directory;
        else {
            out.text += {'%', what};
            out.unknown.push_back({'%', what});
        }
    }
    return out;
}

namespace {

class Expander {
  public:
    Expander(const Variables& variables, UnitCommand& command)
        : variables_(variables), command_(command) {}

    // Adds what the word becomes: "$A" alone is split into words, and may be none.
    void add(const std::string& word) {
        if (word.size() > 1 && word.front() == '$' && is_variable_name(word.substr(1))) {
            for (std::string& piece : words_of(value(word.substr(1))))
                command_.argv.push_back(std::move(piece));
            return;
        }
        command_.argv.push_back(replaced(word));
    }

  private:
    std::string value(const std::string& name) {
        const auto at = variables_.find(name);
        (at == variables_.end() ? command_.unset : command_.expanded).push_back(name);
        return at == variables_.end() ? std::string() : at->second;
    }

    std::string replaced(const std::string& word) {
        std::string out;
        for (std::size_t i = 0; i < word.size(); ++i) {
            const auto end = word.find('}', i);
            if (word.compare(i, 2, "$$") == 0) {
                out += '$';
                ++i;
            } else if (word.compare(i, 2, "${") == 0 && end != std::string::npos) {
                out += value(word.substr(i + 2, end - i - 2));
                i = end;
            } else {
                out += word[i];
            }
        }
        return out;
    }

    const Variables& variables_;
    UnitCommand& command_;
};

std::string find_program(const std::string& name) {
    static constexpr std::array kPath{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                      "/usr/bin/",        "/sbin/",          "/bin/"};
    if (name.starts_with('/')) return name;
    for (const char* directory : kPath)
        if (access((directory + name).c_str(), X_OK) == 0) return directory + name;
    return {};
}

} // namespace

std::optional<UnitCommand> unit_command(const std::string& text, const Variables& variables) {
    UnitCommand command;
    const auto start = text.find_first_not_of("-@:+!|");
    if (start == std::string::npos) return std::nullopt;
    command.prefixes = text.substr(0, start);
    auto words = unit_words(text.substr(start));
    if (!words || words->empty()) return std::nullopt;
    for (std::size_t i = 0; i < words->size(); ++i) {
        if ((*words)[i] != ";") continue;
        command.has_more = i + 1 < words->size();
        words->resize(i);
    }
    if (words->empty()) return std::nullopt;
    command.path = find_program(words->front());
    const bool names_itself = command.prefixes.find('@') != std::string::npos;
    if (names_itself) words->erase(words->begin());
    if (words->empty()) return std::nullopt;
    const bool literal = command.prefixes.find(':') != std::string::npos;
    Expander expander(variables, command);
    for (std::size_t i = 0; i < words->size(); ++i) {
        if (literal || i == 0)
            command.argv.push_back((*words)[i]);
        else
            expander.add((*words)[i]);
    }
    return command;
}

} // namespace inetd::ctl
