#include "ctl/settings_edit.h"

#include "base/text.h"

#include <algorithm>
#include <optional>
#include <vector>

// libconfig can write a file, but not with the comments that were in it. So the text is taken apart
// just as far as is needed to find the places that change; what comes out is checked by the daemon
// before anybody relies on it.
namespace inetd::ctl {

namespace {

struct Token {
    enum class Kind { word, string, mark };
    Kind kind = Kind::mark;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string text; // of a string: what it means

    [[nodiscard]] bool is(char mark) const { return kind == Kind::mark && text[0] == mark; }
};

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    // Nothing at the end, and where something is not understood.
    std::optional<Token> next() {
        skip();
        if (at_ >= text_.size()) return std::nullopt;
        if (text_[at_] == '"') return string();
        Token token;
        token.begin = at_;
        token.kind = is_word(text_[at_]) ? Token::Kind::word : Token::Kind::mark;
        do
            ++at_;
        while (token.kind == Token::Kind::word && at_ < text_.size() && is_word(text_[at_]));
        token.end = at_;
        token.text = text_.substr(token.begin, at_ - token.begin);
        return token;
    }
    [[nodiscard]] bool at_end() const { return at_ >= text_.size() && !broken_; }

  private:
    static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '*' || c == '.' || c == '+' || c == '@';
    }

    void skip() {
        constexpr std::string_view kBlanks = " \t\r\n\f";
        while (at_ < text_.size()) {
            const std::string_view rest = text_.substr(at_);
            std::size_t end = 0;
            if (rest[0] == '#' || rest.starts_with("//")) {
                end = rest.find('\n');
            } else if (rest.starts_with("/*")) {
                end = rest.find("*/");
                if (end == std::string_view::npos) broken_ = true;
                end = end == std::string_view::npos ? end : end + 2;
            } else if (kBlanks.find(rest[0]) != std::string_view::npos) {
                end = 1;
            } else {
                return;
            }
            at_ = end == std::string_view::npos ? text_.size() : at_ + end;
        }
    }

    std::optional<Token> string() {
        Token token{Token::Kind::string, at_, 0, {}};
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '"') {
                token.end = ++at_;
                return token;
            }
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            token.text += text_[at_];
        }
        broken_ = true;
        return std::nullopt;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool broken_ = false;
};

struct Entry {
    std::size_t begin = 0; // after its brace
    std::size_t end = 0;   // after the other
    std::string name;
    std::string protocol;
    std::string address;
    std::optional<Token> enabled;

    [[nodiscard]] bool says(bool value) const {
        return enabled && equal_but_for_case(enabled->text, value ? "true" : "false");
    }
};

struct Services {
    std::size_t end = 0; // of the list: its closing bracket
    std::vector<Entry> entries;
};

struct File {
    std::vector<Token> tokens;
    std::optional<Services> services;
};

// Fills in the entry whose brace is at `at`; the place of the closing brace, or nothing.
std::optional<std::size_t> read_entry(const std::vector<Token>& tokens, std::size_t at,
                                      Entry& entry) {
    entry.begin = tokens[at].end;
    int depth = 1;
    for (std::size_t i = at + 1; i < tokens.size(); ++i) {
        const Token& token = tokens[i];
        if (token.is('{') || token.is('(') || token.is('[')) ++depth;
        if (token.is('}') || token.is(')') || token.is(']')) --depth;
        if (depth == 0) {
            entry.end = token.end;
            return i;
        }
        const bool assigns = depth == 1 && token.kind == Token::Kind::word &&
                             i + 2 < tokens.size() &&
                             (tokens[i + 1].is('=') || tokens[i + 1].is(':'));
        if (!assigns) continue;
        // Strings that follow one another are one.
        std::string value;
        for (std::size_t j = i + 2; j < tokens.size() && tokens[j].kind == Token::Kind::string; ++j)
            value += tokens[j].text;
        if (token.text == "name") entry.name = value;
        if (token.text == "protocol") entry.protocol = value;
        if (token.text == "address") entry.address = value;
        if (token.text == "enabled") entry.enabled = tokens[i + 2];
    }
    return std::nullopt;
}

// The list whose bracket is at `at`.
std::optional<Services> read_services(const std::vector<Token>& tokens, std::size_t at) {
    Services services;
    for (std::size_t i = at + 1; i < tokens.size(); ++i) {
        if (tokens[i].is(')')) {
            services.end = tokens[i].begin;
            return services;
        }
        if (!tokens[i].is('{')) continue;
        Entry entry;
        const auto end = read_entry(tokens, i, entry);
        if (!end) return std::nullopt;
        services.entries.push_back(std::move(entry));
        i = *end;
    }
    return std::nullopt;
}

Result<File> read_file(std::string_view text) {
    File file;
    Lexer lexer(text);
    while (auto token = lexer.next())
        file.tokens.push_back(std::move(*token));
    if (!lexer.at_end()) return Error{"a comment or a string has no end", 0};
    int depth = 0;
    for (std::size_t i = 0; i < file.tokens.size(); ++i) {
        const Token& token = file.tokens[i];
        if (token.is('{') || token.is('(') || token.is('[')) ++depth;
        if (token.is('}') || token.is(')') || token.is(']')) --depth;
        const bool found = depth == 0 && token.text == "services" && i + 2 < file.tokens.size() &&
                           file.tokens[i + 2].is('(');
        if (!found) continue;
        file.services = read_services(file.tokens, i + 2);
        if (!file.services) return Error{"the list of 'services' has no end", 0};
        break;
    }
    return file;
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

struct Edit {
    std::size_t at = 0;
    std::size_t size = 0; // that is replaced
    std::string text;
};

// A new entry at the end of the list, on a line of its own.
void append_entry(std::string_view text, const Services& services, const std::string& entry,
                  std::vector<Edit>& edits) {
    std::size_t line = text.rfind('\n', services.end);
    line = line == std::string_view::npos ? 0 : line + 1;
    const bool alone =
        text.substr(line, services.end - line).find_first_not_of(" \t") == std::string_view::npos;
    if (alone && line > 0) {
        edits.push_back({line, 0, "  " + entry + "\n"});
    } else {
        edits.push_back({services.end, 0, "\n  " + entry + "\n"});
    }
    // Last, because of edits in one place the first comes last.
    if (!services.entries.empty()) edits.push_back({services.entries.back().end, 0, ","});
}

// What the entries for one service say of `enabled`, and what to change in them.
struct Finding {
    const Entry* own = nullptr; // the one to say it in, if any
    bool contradicted = false;  // by an entry for other services, too
    std::vector<Edit> edits{};
};

Finding look_at_entries(const Services& services, const std::string& name,
                        const std::string& protocol, bool enabled) {
    Finding found;
    for (const Entry& entry : services.entries) {
        if (entry.name != name) continue;
        const bool general = !protocol.empty() && entry.protocol.empty() && entry.address.empty();
        if (general && entry.says(!enabled)) found.contradicted = true;
        if (entry.protocol != protocol && !protocol.empty()) continue;
        if (entry.protocol == protocol && entry.address.empty()) found.own = &entry;
        if (entry.says(!enabled))
            found.edits.push_back({entry.enabled->begin, entry.enabled->end - entry.enabled->begin,
                                   enabled ? "true" : "false"});
    }
    return found;
}

// An entry for the service, where the file has a list of services or gets one.
void add_entry(std::string_view text, const File& file, const std::string& entry,
               std::vector<Edit>& edits) {
    if (file.services) return append_entry(text, *file.services, entry, edits);
    const bool ended = text.empty() || text.back() == '\n';
    edits.push_back(
        {text.size(), 0, (ended ? "" : "\n") + ("services = (\n  " + entry + "\n);\n")});
}

} // namespace

Result<std::string> with_enabled(std::string_view text, const std::string& name,
                                 const std::string& protocol, bool enabled) {
    const auto file = read_file(text);
    if (!file) return file.error();
    const std::string assignment = enabled ? " enabled = true;" : " enabled = false;";
    const Services none;
    auto [own, contradicted, edits] =
        look_at_entries(file->services ? *file->services : none, name, protocol, enabled);
    const bool needed = !enabled || contradicted;
    if (own != nullptr && !own->enabled && needed) {
        edits.push_back({own->begin, 0, assignment});
    } else if (own == nullptr && needed) {
        std::string entry = "{ name = " + quoted(name) + ";";
        if (!protocol.empty()) entry += " protocol = " + quoted(protocol) + ";";
        add_entry(text, *file, entry + assignment + " }", edits);
    }
    std::stable_sort(edits.begin(), edits.end(),
                     [](const Edit& a, const Edit& b) { return a.at > b.at; });
    std::string out(text);
    for (const Edit& edit : edits)
        out.replace(edit.at, edit.size, edit.text);
    return out;
}

} // namespace inetd::ctl
