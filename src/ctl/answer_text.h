#pragma once

#include <string>
#include <string_view>

namespace inetd::ctl {

// What a peer sends, piece by piece, as text that does a terminal no harm: lines, tabs and UTF-8 as
// they are, all other bytes as \xNN.
class AnswerText {
  public:
    [[nodiscard]] std::string add(std::string_view bytes);
    // What is left of a character that did not end.
    [[nodiscard]] std::string end();
    // Nothing was shown yet, or the last line is whole.
    [[nodiscard]] bool at_line_start() const { return at_line_start_; }

  private:
    [[nodiscard]] std::string shown(std::string_view bytes, bool is_all);

    std::string kept_; // the beginning of a character, or a CR
    bool at_line_start_ = true;
};

// Whether all of it is valid UTF-8 without a NUL.
[[nodiscard]] bool is_text(std::string_view bytes);

} // namespace inetd::ctl
