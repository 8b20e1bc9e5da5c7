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

    // What stands above a column, and how it is laid out.
    void add_column(std::string title, Column column);
    // One cell for each column; what would spoil the terminal is taken out.
    void add_row(std::vector<Cell> cells);
    [[nodiscard]] bool empty() const { return rows_.empty(); }

    // Lines, each begun with so many blanks.
    [[nodiscard]] std::string text(const Terminal& terminal, std::size_t indent = 0) const;

  private:
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t room) const;

    struct Head {
        std::string title;
        Column column;
    };
    std::vector<Head> heads_;
    std::vector<std::vector<Cell>> rows_;
};

} // namespace inetd::ctl
