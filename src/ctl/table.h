#pragma once

#include "ctl/terminal.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// Rows of text in columns that fit the terminal: where there is too little room, the widest of the
// columns that may shrink lose their ends.
class Table {
  public:
    enum class Column { left, right, shrinking };
    struct Cell {
        std::string text;
        Colour colour = Colour::none;
    };

    // What stands above a column, how it is laid out, and how wide it is at least.
    void add_column(std::string title, Column column, std::size_t least = 0);
    // One cell for each column; what would spoil the terminal is taken out.
    void add_row(std::vector<Cell> cells);
    [[nodiscard]] bool empty() const { return rows_.empty(); }

    // How wide it is where each column that may shrink is cut to `narrowest`.
    [[nodiscard]] std::size_t least_width(std::size_t narrowest) const;
    // Lines, each begun with so many blanks.
    [[nodiscard]] std::string text(const Terminal& terminal, std::size_t indent = 0) const;

  private:
    [[nodiscard]] std::vector<std::size_t> natural_widths() const;
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t room) const;

    struct Head {
        std::string title;
        Column column;
        std::size_t least;
    };
    std::vector<Head> heads_;
    std::vector<std::vector<Cell>> rows_;
};

} // namespace inetd::ctl
