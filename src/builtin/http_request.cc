#include "builtin/http_request.h"

#include "base/text.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace inetd {

namespace {

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
    // From `at` on.
    Lines(std::string_view text, std::size_t at) : text_(text), at_(at) {}
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
    std::size_t at_;
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
    if (equal_but_for_case(target.substr(0, kScheme.size()), kScheme)) {
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

} // namespace

int HttpHead::take_host(std::string_view value) {
    if (std::exchange(host_, true)) return 400;
    return value.find_first_of(" \t,/@") == std::string_view::npos ? 0 : 400;
}

int HttpHead::take_length(std::string_view value) {
    const auto length = to_number<std::uint64_t>(value, 0, UINT64_MAX);
    if (!length || (length_ && length_ != length)) return 400;
    length_ = length;
    return 0;
}

void HttpHead::take_options(std::string_view value) {
    for (const std::string_view option : split(value, ',')) {
        if (equal_but_for_case(trimmed(option), "close")) close_ = true;
        if (equal_but_for_case(trimmed(option), "keep-alive")) request_.keeps_open = true;
    }
}

int HttpHead::take_field(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return 400;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    // A blank before the colon or at the start of the line is no token: RFC 9112 5.1, 5.2.
    if (!is_token(name) || !is_field_value(value)) return 400;
    if (equal_but_for_case(name, "Host")) return take_host(value);
    if (equal_but_for_case(name, "Connection")) take_options(value);
    if (equal_but_for_case(name, "Accept")) add_to_list(request_.accept, value);
    if (equal_but_for_case(name, "Transfer-Encoding")) coded_ = true;
    if (equal_but_for_case(name, "Content-Length")) return take_length(value);
    return 0;
}

int HttpHead::finish() {
    if (host_needed_ && !host_) return 400;
    if (coded_ && length_) return 400;
    request_.has_body = coded_ || length_.value_or(0) != 0;
    if (close_) request_.keeps_open = false;
    request_.state = HttpRequest::State::complete;
    return 0;
}

int HttpHead::take_line(std::string_view line) {
    if (begun_) return line.empty() ? finish() : take_field(line);
    if (line.empty()) return 0; // RFC 9112 2.2: what an old client adds to its last request
    begun_ = true;
    const int status = take_request_line(line, request_);
    host_needed_ = request_.keeps_open; // HTTP/1.1: RFC 9112 3.2
    return status;
}

const HttpRequest& HttpHead::read(std::string_view bytes) {
    using State = HttpRequest::State;
    Lines lines(bytes.substr(0, HttpRequest::kLongest), taken_);
    while (request_.state == State::more) {
        const auto line = lines.next();
        if (!line) break;
        if (const int status = take_line(*line); status != 0) request_ = bad(status);
    }
    taken_ = lines.taken();
    if (request_.state == State::complete) request_.size = taken_;
    if (request_.state == State::more && bytes.size() >= HttpRequest::kLongest)
        request_ = bad(begun_ ? 431 : 414);
    return request_;
}

HttpRequest parse_http_request(std::string_view bytes) {
    return HttpHead().read(bytes);
}

static double weight_of(std::string_view parameter) {
    parameter = trimmed(parameter);
    if (parameter.size() < 3 || !equal_but_for_case(parameter.substr(0, 2), "q=")) return -1;
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
        if (range.ends_with("/*") && equal_but_for_case(range.substr(0, range.size() - 1), kind))
            says = 2;
        if (equal_but_for_case(range, type)) says = 3;
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
