#pragma once

#include "config/source.h"

#include <cstddef>
#include <string>
#include <vector>

namespace inetd {

// A word of a line, its quotes and backslashes undone.
struct Token {
    std::string text;
    Position at;
    bool verbatim = true; // nothing was undone: byte n of the text stands at at.column + n

    // Where the byte `offset` of the text stands, or the token if that cannot be told.
    [[nodiscard]] Position position(std::size_t offset) const;
    // `count` bytes from `offset` as a token of their own.
    [[nodiscard]] Token part(std::size_t offset, std::size_t count = std::string::npos) const;
};

using Line = std::vector<Token>;

// Cuts a text into logical lines of tokens. Quotes and backslashes work as in sh(1); `#` at the
// start of a token comments the rest of the line out; a line that begins with a blank goes on from
// the line before it, unless that is empty or a comment; a backslash at its end joins two lines.
class Lexer {
  public:
    explicit Lexer(const Source& source) : source_(source) {}

    // The next logical line that has a token, or false at the end. A line that cannot be cut into
    // tokens is reported and left out.
    bool next(Line& line);

    // Reads the line that next() gave once more, as a definition that ends at `;` however many
    // lines that takes. Each `=`, `,` and `;` outside of quotes is a token of its own.
    // False, and reported, where there is no such end.
    bool definition(Line& line);

  private:
    struct Cursor {
        int row = 1;
        std::size_t offset = 0;
    };

    bool read_row(Line& line);
    bool read_logical(Line& line);
    bool sound(std::string_view text);
    void open(Line& line, std::size_t offset);
    std::size_t read_plain(std::string_view text, std::size_t at, Line& line);
    std::size_t read_quoted(std::string_view text, std::size_t at, Line& line);
    std::size_t read_backslash(std::string_view text, std::size_t at, Line& line);
    [[nodiscard]] bool goes_on() const;

    const Source& source_;
    Cursor cursor_;
    Cursor start_;            // of the logical line that next() gave last
    bool separators_ = false; // reading a definition
    bool ended_ = false;      // by its ';'
    bool open_ = false;       // the last token of the line still grows
    bool joined_ = false;     // the row ended in a backslash
    char quote_ = '\0';
    Position quote_at_;
};

} // namespace inetd
