#include "builtin/http_request.h"

#include "base/text.h"

#include <algorithm>
#include <optional>
#include <strings.h>
#include <utility>

namespace inetd {

namespace {

bool equal(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool is_token(std::string_view text) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

// RFC 9110 5.5: visible characters, blanks, tabs, and bytes beyond ASCII.
bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= ' ' && byte != 0x7f);
    });
}

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// RFC 9110 5.3: a field may come in several lines.
void add_to_list(std::string& list, std::string_view value) {
    if (!list.empty()) list += ',';
    list += value;
}

HttpRequest bad(int status) {
    HttpRequest request;
    request.state = HttpRequest::State::bad;
    request.status = status;
    return request;
}

// Lines end with CR LF, or with LF alone, which RFC 9112 2.2 lets a server take.
class Lines {
  public:
    explicit Lines(std::string_view text) : text_(text) {}
    // Without its end; nothing if it has not come whole.
    std::optional<std::string_view> next() {
        const auto end = text_.find('\n', at_);
        if (end == std::string_view::npos) return std::nullopt;
        std::string_view line = text_.substr(at_, end - at_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        at_ = end + 1;
        return line;
    }
    [[nodiscard]] std::size_t taken() const { return at_; }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
};

// 0 if it is none that we speak, else 505 or 400.
int version_problem(std::string_view version) {
    const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                             version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                             version[7] >= '0' && version[7] <= '9';
    if (!well_formed) return 400;
    return version[5] == '1' ? 0 : 505;
}

// RFC 9112 3.2: "/metrics?x=y", or "http://host/metrics" as it is sent to a proxy.
bool take_target(std::string_view target, HttpRequest& request) {
    const bool visible =
        std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!visible || target.find('#') != std::string_view::npos) return false;
    constexpr std::string_view kScheme = "http://";
    if (equal(target.substr(0, kScheme.size()), kScheme)) {
        target.remove_prefix(kScheme.size());
        const auto host = std::min(target.find_first_of("/?"), target.size());
        if (host == 0) return false;
        target.remove_prefix(host);
        if (!target.starts_with('/')) request.path = "/";
    } else if (!target.starts_with('/')) {
        return false;
    }
    const auto mark = std::min(target.find('?'), target.size());
    request.path += target.substr(0, mark);
    if (mark != target.size()) request.query = target.substr(mark + 1);
    return true;
}

// 0, or what to answer.
int take_request_line(std::string_view line, HttpRequest& request) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return 400;
    const std::string_view version = line.substr(last + 1);
    if (const int problem = version_problem(version); problem != 0) return problem;
    request.method = line.substr(0, first);
    request.keeps_open = version != "HTTP/1.0";
    const std::string_view target = line.substr(first + 1, last - first - 1);
    // "*" is for OPTIONS, a host and port for CONNECT; neither is served anyhow.
    const bool any_target = request.method == "OPTIONS" || request.method == "CONNECT";
    if (!is_token(request.method) || (!take_target(target, request) && !any_target)) return 400;
    return 0;
}

// What the fields say that matters here.
class Fields {
  public:
    // 0, or what to answer.
    int take(std::string_view line, HttpRequest& request) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return 400;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trimmed(line.substr(colon + 1));
        // A blank before the colon or at the start of the line is no token: RFC 9112 5.1, 5.2.
        if (!is_token(name) || !is_field_value(value)) return 400;
        if (equal(name, "Host")) return take_host(value);
        if (equal(name, "Connection")) take_options(value, request);
        if (equal(name, "Accept")) add_to_list(request.accept, value);
        if (equal(name, "Transfer-Encoding")) coded_ = true;
        if (equal(name, "Content-Length")) return take_length(value);
        return 0;
    }

    // After the last one.
    int finish(HttpRequest& request, bool host_needed) const {
        if (host_needed && !host_) return 400;
        if (coded_ && length_) return 400;
        request.has_body = coded_ || length_.value_or(0) != 0;
        if (close_) request.keeps_open = false;
        return 0;
    }

  private:
    int take_host(std::string_view value) {
        if (std::exchange(host_, true)) return 400;
        return value.find_first_of(" \t,/@") == std::string_view::npos ? 0 : 400;
    }

    int take_length(std::string_view value) {
        const auto length = to_number<std::uint64_t>(value, 0, UINT64_MAX);
        if (!length || (length_ && length_ != length)) return 400;
        length_ = length;
        return 0;
    }

    void take_options(std::string_view value, HttpRequest& request) {
        for (const std::string_view option : split(value, ',')) {
            if (equal(trimmed(option), "close")) close_ = true;
            if (equal(trimmed(option), "keep-alive")) request.keeps_open = true;
        }
    }

    std::optional<std::uint64_t> length_;
    bool host_ = false;
    bool coded_ = false;
    bool close_ = false;
};

} // namespace

HttpRequest parse_http_request(std::string_view bytes) {
    const bool full = bytes.size() >= HttpRequest::kLongest;
    Lines lines(bytes.substr(0, HttpRequest::kLongest));
    auto line = lines.next();
    while (line && line->empty()) // RFC 9112 2.2: what an old client adds to its last request
        line = lines.next();
    if (!line) return full ? bad(414) : HttpRequest();
    HttpRequest request;
    if (const int status = take_request_line(*line, request); status != 0) return bad(status);
    const bool host_needed = request.keeps_open; // HTTP/1.1: RFC 9112 3.2
    Fields fields;
    for (line = lines.next(); line && !line->empty(); line = lines.next())
        if (const int status = fields.take(*line, request); status != 0) return bad(status);
    if (!line) return full ? bad(431) : HttpRequest();
    if (const int status = fields.finish(request, host_needed); status != 0) return bad(status);
    request.state = HttpRequest::State::complete;
    request.size = lines.taken();
    return request;
}

static double weight_of(std::string_view parameter) {
    parameter = trimmed(parameter);
    if (parameter.size() < 3 || !equal(parameter.substr(0, 2), "q=")) return -1;
    const std::string_view digits = parameter.substr(2);
    if (digits.size() > 5 || (digits[0] != '0' && digits[0] != '1')) return -1;
    double value = digits[0] - '0';
    double place = 0.1;
    for (const char c : digits.substr(std::min<std::size_t>(2, digits.size()))) {
        if (c < '0' || c > '9') return -1;
        value += place * (c - '0');
        place /= 10;
    }
    return std::min(value, 1.0);
}

double http_quality(std::string_view accept, std::string_view type) {
    if (trimmed(accept).empty()) return 1;
    const std::string_view kind = type.substr(0, type.find('/') + 1);
    double quality = 0;
    int best = 0; // how much the range says: 1 = anything, 2 = the kind, 3 = the type
    for (const std::string_view item : split(accept, ',')) {
        const auto parts = split(item, ';');
        const std::string_view range = trimmed(parts.front());
        int says = 0;
        if (range == "*/*") says = 1;
        if (range.ends_with("/*") && equal(range.substr(0, range.size() - 1), kind)) says = 2;
        if (equal(range, type)) says = 3;
        if (says == 0 || says < best) continue;
        double weight = 1;
        for (std::size_t i = 1; i < parts.size(); ++i)
            if (const double given = weight_of(parts[i]); given >= 0) weight = given;
        quality = says == best ? std::max(quality, weight) : weight;
        best = says;
    }
    return quality;
}

} // namespace inetd
