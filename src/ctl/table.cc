#include "ctl/table.h"

#include "ctl/text.h"

#include <algorithm>
#include <numeric>

namespace inetd::ctl {

static constexpr std::size_t kGap = 2;       // between columns
static constexpr std::size_t kNarrowest = 6; // of one that shrinks

void Table::add_column(std::string title, Column column, std::size_t least) {
    heads_.push_back({std::move(title), column, least});
}

void Table::add_row(std::vector<Cell> cells) {
    for (Cell& cell : cells)
        cell.text = printable(cell.text);
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::natural_widths() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < heads_.size(); ++i) {
        std::size_t width = std::max(width_of(heads_[i].title), heads_[i].least);
        for (const auto& row : rows_)
            width = std::max(width, width_of(row[i].text));
        widths.push_back(width);
    }
    return widths;
}

static std::size_t total_of(const std::vector<std::size_t>& widths) {
    const std::size_t gaps = widths.empty() ? 0 : kGap * (widths.size() - 1);
    return std::accumulate(widths.begin(), widths.end(), gaps);
}

std::size_t Table::least_width(std::size_t narrowest) const {
    auto widths = natural_widths();
    for (std::size_t i = 0; i < widths.size(); ++i)
        if (heads_[i].column == Column::shrinking) widths[i] = std::min(widths[i], narrowest);
    return total_of(widths);
}

std::vector<std::size_t> Table::widths(std::size_t room) const {
    auto widths = natural_widths();
    std::size_t total = total_of(widths);
    while (room != 0 && total > room) {
        std::size_t widest = widths.size();
        for (std::size_t i = 0; i < widths.size(); ++i) {
            if (heads_[i].column != Column::shrinking || widths[i] <= kNarrowest) continue;
            if (widest == widths.size() || widths[i] > widths[widest]) widest = i;
        }
        if (widest == widths.size()) break;
        --widths[widest];
        --total;
    }
    return widths;
}

std::string Table::text(const Terminal& terminal, std::size_t indent) const {
    const std::size_t room = terminal.width > indent ? terminal.width - indent : terminal.width;
    const auto widths = this->widths(room);
    std::string out;
    const auto line = [&](const auto& text_of, const auto& colour_of) {
        std::string text(indent, ' ');
        for (std::size_t i = 0; i < heads_.size(); ++i) {
            const std::string cell = fitted(text_of(i), widths[i]);
            const std::string blanks(widths[i] - width_of(cell), ' ');
            const bool last = i + 1 == heads_.size();
            if (heads_[i].column == Column::right) text += blanks;
            text += terminal.coloured(cell, colour_of(i));
            if (heads_[i].column != Column::right && !last) text += blanks;
            if (!last) text.append(kGap, ' ');
        }
        out += text + "\n";
    };
    line([&](std::size_t i) { return heads_[i].title; }, [](std::size_t) { return Colour::bold; });
    for (const auto& row : rows_)
        line([&](std::size_t i) { return row[i].text; },
             [&](std::size_t i) { return row[i].colour; });
    return out;
}

} // namespace inetd::ctl
