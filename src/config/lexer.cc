#include "config/lexer.h"

#include <fmt/core.h>

namespace inetd {

// execve(2) takes no longer argument than 32 pages; no line of an honest file comes near it.
static constexpr std::size_t kLongestRow = 128UL * 1024 - 1;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool all_blank(std::string_view text) {
    for (const char c : text)
        if (!is_blank(c)) return false;
    return true;
}

Position Token::position(std::size_t offset) const {
    if (!verbatim) return at;
    return {at.line, at.column + static_cast<int>(offset)};
}

Token Token::part(std::size_t offset, std::size_t count) const {
    return {text.substr(offset, count), position(offset), verbatim};
}

bool Lexer::next(Line& line) {
    separators_ = false;
    while (cursor_.row <= source_.lines()) {
        start_ = cursor_;
        line.clear();
        if (read_logical(line) && !line.empty()) return true;
    }
    return false;
}

bool Lexer::definition(Line& line) {
    cursor_ = start_;
    separators_ = true;
    ended_ = false;
    line.clear();
    bool good = true;
    while (!ended_ && cursor_.row <= source_.lines())
        good = read_row(line) && good;
    if (!ended_ && good && !line.empty())
        source_.error(line.front().at, "this definition has no end",
                      "a definition of the form 'service on key = value, ...' ends in ';'");
    return ended_ && good;
}

bool Lexer::read_logical(Line& line) {
    bool good = true;
    bool more = true;
    while (more) {
        good = read_row(line) && good;
        const bool nothing = line.empty() && good && !joined_;
        more = cursor_.row <= source_.lines() && !nothing && (joined_ || goes_on());
    }
    return good;
}

bool Lexer::goes_on() const {
    const std::string_view row = source_.line(cursor_.row);
    return !row.empty() && is_blank(row.front()) && !all_blank(row);
}

bool Lexer::sound(std::string_view text) {
    if (text.size() > kLongestRow) {
        source_.error({cursor_.row, 0},
                      fmt::format("the line has {} bytes, more than {}", text.size(), kLongestRow));
        return false;
    }
    const auto zero = text.find('\0');
    if (zero != std::string_view::npos) {
        source_.error({cursor_.row, static_cast<int>(zero) + 1}, "the line holds a NUL byte",
                      "is this a text file?");
        return false;
    }
    if (text.starts_with("#@") && !all_blank(text.substr(2)))
        source_.warning({cursor_.row, 1}, "the IPsec policy of this line is not applied",
                        "set policies with 'ip xfrm policy'; see ip-xfrm(8)");
    return true;
}

// Reads from the cursor to the end of the row, or to the ';' that ends a definition.
bool Lexer::read_row(Line& line) {
    const std::string_view text = source_.line(cursor_.row);
    bool good = cursor_.offset > 0 || sound(text);
    const bool was_joined = joined_;
    joined_ = false;
    if (was_joined && open_ && !line.empty()) line.back().verbatim = false;
    std::size_t at = good ? cursor_.offset : text.size();
    while (at < text.size() && !(separators_ && ended_))
        at = quote_ == '\0' ? read_plain(text, at, line) : read_quoted(text, at, line);

    if (cursor_.row == source_.lines()) joined_ = false; // to nothing
    if (quote_ != '\0' && !joined_) {
        source_.error(quote_at_, fmt::format("this quote {} is not closed", quote_),
                      "a quoted text ends on the line where it begins");
        good = false;
        quote_ = '\0';
    }
    if (!joined_) open_ = false;
    if (at < text.size()) {
        cursor_.offset = at;
        return good;
    }
    ++cursor_.row;
    cursor_.offset = 0;
    return good;
}

void Lexer::open(Line& line, std::size_t offset) {
    if (open_) return;
    line.push_back({.text = {}, .at = {cursor_.row, static_cast<int>(offset) + 1}});
    open_ = true;
}

static bool may_end_word(char c) {
    return is_blank(c) || c == '\\' || c == '\'' || c == '"' || c == '=' || c == ',' || c == ';';
}

std::size_t Lexer::read_plain(std::string_view text, std::size_t at, Line& line) {
    const char c = text[at];
    if (is_blank(c)) {
        open_ = false;
        return at + 1;
    }
    if (c == '#' && !open_) return text.size();
    if (c == '\\') return read_backslash(text, at, line);
    // The service may hold a list of addresses, and so commas.
    const bool first = line.empty() || (line.size() == 1 && open_);
    if (separators_ && !first && (c == '=' || c == ',' || c == ';')) {
        open_ = false;
        open(line, at);
        line.back().text = c;
        open_ = false;
        ended_ = c == ';';
        return at + 1;
    }
    open(line, at);
    if (c == '\'' || c == '"') {
        quote_ = c;
        quote_at_ = {cursor_.row, static_cast<int>(at) + 1};
        line.back().verbatim = false;
        return at + 1;
    }
    std::size_t end = at + 1;
    while (end < text.size() && !may_end_word(text[end]))
        ++end;
    line.back().text += text.substr(at, end - at);
    return end;
}

std::size_t Lexer::read_quoted(std::string_view text, std::size_t at, Line& line) {
    const char c = text[at];
    if (c == quote_) {
        quote_ = '\0';
        return at + 1;
    }
    if (c != '\\' || quote_ == '\'') {
        line.back().text += c;
        return at + 1;
    }
    if (at + 1 == text.size()) {
        joined_ = true;
        return at + 1;
    }
    // POSIX 2.2.3: within double quotes a backslash stays, unless one of these follows.
    const char next = text[at + 1];
    if (std::string_view("$`\"\\").find(next) == std::string_view::npos) line.back().text += c;
    line.back().text += next;
    return at + 2;
}

std::size_t Lexer::read_backslash(std::string_view text, std::size_t at, Line& line) {
    if (at + 1 == text.size()) {
        joined_ = true;
        return at + 1;
    }
    if (all_blank(text.substr(at + 1)))
        source_.warning({cursor_.row, static_cast<int>(at) + 1},
                        "blanks follow this backslash, so that it does not join two lines",
                        "remove the blanks at the end of the line");
    open(line, at);
    line.back().verbatim = false;
    line.back().text += text[at + 1];
    return at + 2;
}

} // namespace inetd
