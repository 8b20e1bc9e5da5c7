#pragma once

#include "ctl/screen.h"
#include "ctl/top_rows.h"
#include "ctl/top_source.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace inetd::ctl {

// The table that is looked at.
class TopView {
  public:
    TopView(const TopAbout& about, TopOrder order) : about_(about), order_(order) {}

    void add(TopSample sample);
    // False: the end is wanted.
    [[nodiscard]] bool press(const Stroke& stroke);
    // Fills a screen of that size.
    [[nodiscard]] std::vector<std::string> lines(Screen::Size size);
    // Stands there until the next sample.
    void note(std::string text) { note_ = std::move(text); }

  private:
    void press(Key key);
    void choose(int step);
    void scroll(std::ptrdiff_t rows);
    [[nodiscard]] std::string headline() const;

    const TopAbout& about_;
    TopOrder order_;
    std::optional<TopSample> before_;
    std::optional<TopSample> now_;
    std::vector<TopRow> rows_;
    std::string note_;
    std::size_t first_ = 0;
    std::size_t page_ = 1;
};

} // namespace inetd::ctl
