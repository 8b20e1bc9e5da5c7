#include "server/open_metrics.h"

#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <iterator>
#include <utility>

namespace inetd {

static void append_escaped(std::string& out, std::string_view value) {
    while (!value.empty()) {
        const char c = value.front();
        const std::size_t size = utf8_length(value);
        if (c == '\n') {
            out += "\\n";
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (size == 0 || static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += value.substr(0, size);
        }
        value.remove_prefix(std::max<std::size_t>(size, 1));
    }
}

std::string OpenMetrics::labels(std::initializer_list<Label> labels) {
    std::string text;
    for (const Label& label : labels) {
        if (!text.empty()) text += ',';
        text.append(label.name).append("=\"");
        append_escaped(text, label.value);
        text += '"';
    }
    return text;
}

void OpenMetrics::family(Type type, std::string_view name, std::string_view unit,
                         std::string_view help) {
    static constexpr std::array kTypes{"counter", "gauge", "histogram", "info"};
    static constexpr std::array kSuffixes{"_total", "", "", "_info"};
    const auto index = static_cast<std::size_t>(type);
    name_ = name;
    suffix_ = kSuffixes[index];
    const bool open = format_ == Format::open_metrics;
    const std::string family = open ? name_ : name_ + suffix_;
    const char* word = !open && type == Type::info ? "gauge" : kTypes[index];
    preamble_ = fmt::format("# TYPE {} {}\n", family, word);
    if (open && !unit.empty())
        fmt::format_to(std::back_inserter(preamble_), "# UNIT {} {}\n", family, unit);
    fmt::format_to(std::back_inserter(preamble_), "# HELP {} {}\n", family, help);
}

void OpenMetrics::begin(std::string_view suffix, std::string_view labels, std::string_view more) {
    text_ += std::exchange(preamble_, {});
    text_.append(name_).append(suffix);
    if (!labels.empty() || !more.empty()) {
        text_.append("{").append(labels);
        if (!labels.empty() && !more.empty()) text_ += ',';
        text_.append(more).append("}");
    }
    text_ += ' ';
}

void OpenMetrics::sample(std::string_view labels, std::uint64_t value) {
    begin(suffix_, labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void OpenMetrics::sample(std::string_view labels, double value) {
    begin(suffix_, labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

// Of a bound, as OpenMetrics wants floats in labels: "0.5", "1.0", "30.0".
static std::string bound_text(double bound) {
    std::string text = fmt::format("{}", bound);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
}

void OpenMetrics::sample(std::string_view labels, const Histogram& histogram) {
    if (!preamble_.empty()) {
        bounds_.clear();
        for (const double bound : histogram.bounds)
            bounds_.push_back(fmt::format("le=\"{}\"", bound_text(bound)));
        bounds_.emplace_back("le=\"+Inf\"");
    }
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        all += histogram.counts[i];
        begin("_bucket", labels, bounds_[i]);
        fmt::format_to(std::back_inserter(text_), "{}\n", all);
    }
    begin("_sum", labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", histogram.sum);
    begin("_count", labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", all);
}

std::string OpenMetrics::finish() {
    preamble_.clear();
    if (format_ == Format::open_metrics) text_ += "# EOF\n";
    return std::move(text_);
}

const char* OpenMetrics::content_type(Format format) {
    return format == Format::open_metrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

} // namespace inetd
