#include "ctl/top_view.h"

#include "base/text.h"
#include "ctl/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace inetd::ctl {

void TopView::add(TopSample sample) {
    before_ = std::move(now_);
    now_ = std::move(sample);
    rows_ = top_rows(before_ ? &*before_ : nullptr, *now_);
    sort_top(rows_, order_);
    note_.clear();
}

void TopView::choose(int step) {
    const auto count = static_cast<int>(kTopColumns);
    const int next = (static_cast<int>(order_.column) + step + count) % count;
    order_ = {static_cast<TopColumn>(next), false};
}

void TopView::scroll(std::ptrdiff_t rows) {
    const auto last =
        static_cast<std::ptrdiff_t>(rows_.size()) - static_cast<std::ptrdiff_t>(page_);
    const auto to = static_cast<std::ptrdiff_t>(first_) + rows;
    first_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(std::min(to, last), 0));
}

void TopView::press(Key key) {
    const auto page = static_cast<std::ptrdiff_t>(page_);
    const auto all = static_cast<std::ptrdiff_t>(rows_.size());
    switch (key) {
    case Key::up:
        return scroll(-1);
    case Key::down:
        return scroll(1);
    case Key::page_up:
        return scroll(-page);
    case Key::page_down:
        return scroll(page);
    case Key::home:
        return scroll(-all);
    case Key::end:
        return scroll(all);
    case Key::left:
        return choose(-1);
    case Key::right:
        return choose(1);
    }
}

bool TopView::press(const Stroke& stroke) {
    if (stroke.key) {
        press(*stroke.key);
    } else if (stroke.character == 'q') {
        return false;
    } else if (stroke.character == 'r') {
        order_.reversed = !order_.reversed;
    } else if (stroke.character == '<' || stroke.character == '>') {
        choose(stroke.character == '<' ? -1 : 1);
    } else if (stroke.character == 'k' || stroke.character == 'j') {
        scroll(stroke.character == 'k' ? -1 : 1);
    } else {
        for (const TopColumnInfo& info : kTopColumnInfos)
            if (info.key == stroke.character) order_ = {info.column, false};
    }
    // From the order of the daemon, in which equal ones stay.
    if (now_) rows_ = top_rows(before_ ? &*before_ : nullptr, *now_);
    sort_top(rows_, order_);
    return true;
}

std::string TopView::headline() const {
    std::string text = fmt::format("inetd {}, pid {}, up {}", about_.version, about_.pid,
                                   duration_text(calendar_now() - about_.started));
    if (!now_) return text;
    const auto own = now_->usage.find(about_.pid);
    if (own != now_->usage.end())
        text += fmt::format(", itself {} memory", bytes_text(own->second.memory));
    return text;
}

std::vector<std::string> TopView::lines(Screen::Size size) {
    constexpr std::size_t kAround = 5; // two lines above, a gap, titles, and the help
    Terminal to = terminal();
    to.width = size.columns;
    page_ = size.rows > kAround ? size.rows - kAround : 1;
    scroll(0);
    std::vector<std::string> lines;
    lines.push_back(fitted(headline(), size.columns));
    lines.push_back(note_.empty() ? fitted(top_totals(rows_), size.columns)
                                  : to.coloured(fitted(note_, size.columns), Colour::red));
    lines.emplace_back();
    const std::string table = top_text(rows_, order_, first_, page_, to, calendar_now());
    for (const std::string_view line : split(table, '\n'))
        if (lines.size() + 1 < size.rows && !line.empty()) lines.emplace_back(line);
    if (rows_.empty()) lines.emplace_back("there are no services");
    while (lines.size() + 1 < size.rows)
        lines.emplace_back();
    const std::string more = rows_.size() > page_
                                 ? fmt::format("{}-{} of {}  ", first_ + 1,
                                               std::min(first_ + page_, rows_.size()), rows_.size())
                                 : "";
    const std::string help =
        fitted(more + "q quit  <> sort by  r reverse  arrows scroll", size.columns);
    lines.push_back(to.coloured(help, Colour::bold));
    return lines;
}

} // namespace inetd::ctl
