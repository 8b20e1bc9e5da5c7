#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// Writes metrics as text: OpenMetrics 1.0.0, or the text format 0.0.4 of Prometheus, which has no
// units, no end and other names in its comments. The samples are the same in both. Pure.
class OpenMetrics {
  public:
    enum class Format : std::uint8_t { open_metrics, prometheus };
    enum class Type : std::uint8_t { counter, gauge, histogram, info };

    struct Label {
        std::string_view name;
        std::string_view value; // any bytes: what is no UTF-8 becomes \xNN
    };
    // `service="ftp",protocol="tcp"`: what the functions below take. May be put together with
    // commas between.
    [[nodiscard]] static std::string labels(std::initializer_list<Label> labels);

    struct Histogram {
        std::span<const double> bounds;        // upper ones, ascending; the same in all of a family
        std::span<const std::uint64_t> counts; // of each bucket alone, the last without a bound
        double sum = 0;
    };

    explicit OpenMetrics(Format format) : format_(format) {}

    // Begins a family, whose samples follow; one without samples is left out. `name` has neither
    // the _total of a counter nor the _info of an info, but the unit as its last word, if it has
    // one. `help` is a line of printable ASCII without quotes and backslashes.
    void family(Type type, std::string_view name, std::string_view unit, std::string_view help);
    void sample(std::string_view labels, std::uint64_t value);
    void sample(std::string_view labels, double value);
    void sample(std::string_view labels, const Histogram& histogram);

    // All of it. Call it once.
    [[nodiscard]] std::string finish();
    [[nodiscard]] static const char* content_type(Format format);

  private:
    void begin(std::string_view suffix, std::string_view labels, std::string_view more = {});

    Format format_;
    std::string text_;
    std::string name_;                // of the present family
    const char* suffix_ = "";         // of its samples
    std::string preamble_;            // its comments, until it has a sample
    std::vector<std::string> bounds_; // of its histograms, as labels
};

} // namespace inetd
