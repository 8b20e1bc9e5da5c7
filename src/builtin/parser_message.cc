#include "builtin/parser_message.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

namespace inetd {

using Kind = ParserQuestion::Kind;

namespace {

class Writer {
  public:
    template<typename T>
    void put(T value) {
        static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
        text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put(const void* bytes, std::size_t size) {
        text_.append(static_cast<const char*>(bytes), size);
    }
    void put_text(std::string_view text) {
        put(static_cast<std::uint16_t>(text.size()));
        text_ += text;
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

// Of bytes that may be wrong in any way: what is not there is zero or empty, and then it is not
// done().
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}
    template<typename T>
    T take() {
        static_assert(std::is_integral_v<T>);
        T value{};
        take(&value, sizeof value);
        return value;
    }
    void take(void* bytes, std::size_t size) {
        if (size > text_.size()) {
            failed_ = true;
            return;
        }
        std::memcpy(bytes, text_.data(), size);
        text_.remove_prefix(size);
    }
    // One of 0 to `last`.
    template<typename T>
    T take_one_of(T last) {
        const auto value = take<std::uint8_t>();
        if (value > static_cast<std::uint8_t>(last)) failed_ = true;
        return failed_ ? T{} : static_cast<T>(value);
    }
    bool take_bool() { return take_one_of<std::uint8_t>(1) != 0; }
    std::string_view take_text() {
        const auto size = take<std::uint16_t>();
        if (size > text_.size()) failed_ = true;
        const std::string_view text = text_.substr(0, failed_ ? 0 : size);
        text_.remove_prefix(text.size());
        return text;
    }
    std::string_view rest() { return std::exchange(text_, {}); }
    // All of it was taken, and nothing was missing or beyond its range.
    [[nodiscard]] bool done() const { return !failed_ && text_.empty(); }

  private:
    std::string_view text_;
    bool failed_ = false;
};

void put_address(Writer& out, const SocketAddress& address) {
    const bool four = address.family() == AF_INET;
    out.put(four ? address.v4().sin_port : address.v6().sin6_port);
    if (four)
        out.put(&address.v4().sin_addr, sizeof(in_addr));
    else
        out.put(&address.v6().sin6_addr, sizeof(in6_addr));
}

SocketAddress take_address(Reader& in, bool four) {
    const auto port = in.take<in_port_t>();
    if (four) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = port;
        in.take(&v4.sin_addr, sizeof v4.sin_addr);
        return {&v4, sizeof v4};
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = port;
    in.take(&v6.sin6_addr, sizeof v6.sin6_addr);
    return {&v6, sizeof v6};
}

enum class Addresses : std::uint8_t { none, v4, v6 };

void put_proxy_header(Writer& out, const ProxyHeader& header) {
    out.put(header.state);
    out.put(static_cast<std::uint16_t>(header.size));
    if (!header.source || !header.destination) return out.put(Addresses::none);
    out.put(header.source->family() == AF_INET ? Addresses::v4 : Addresses::v6);
    put_address(out, *header.source);
    put_address(out, *header.destination);
}

std::optional<ParserReply> take_proxy_header(Reader& in, std::size_t asked) {
    ProxyHeader header;
    header.state = in.take_one_of(ProxyHeader::State::bad);
    header.size = in.take<std::uint16_t>();
    const auto addresses = in.take_one_of(Addresses::v6);
    if (addresses != Addresses::none) {
        header.source = take_address(in, addresses == Addresses::v4);
        header.destination = take_address(in, addresses == Addresses::v4);
    }
    if (!in.done()) return std::nullopt;
    if (header.state == ProxyHeader::State::complete) {
        if (header.size == 0 || header.size > asked) return std::nullopt;
        return header;
    }
    // Of one that is as long as can be, there is no more.
    const bool full = header.state == ProxyHeader::State::more && asked >= ProxyHeader::kLongest;
    if (full || header.size != 0 || header.source) return std::nullopt;
    return header;
}

void put_ident_query(Writer& out, const std::optional<IdentQuery>& query) {
    out.put(query.has_value());
    out.put(query.value_or(IdentQuery{}).local);
    out.put(query.value_or(IdentQuery{}).remote);
}

std::optional<ParserReply> take_ident_query(Reader& in) {
    const bool found = in.take_bool();
    const auto local = in.take<std::uint32_t>();
    const auto remote = in.take<std::uint32_t>();
    if (!in.done()) return std::nullopt;
    return found ? std::optional(IdentQuery{local, remote}) : std::nullopt;
}

bool is_part(std::string_view text, std::string_view of) {
    return of.find(text) != std::string_view::npos;
}

std::optional<ParserReply> take_ident_answer(Reader& in, std::string_view asked) {
    const std::string_view user = in.take_text();
    if (!in.done() || user.size() > kLongestIdentUser || !is_part(user, asked) ||
        user.find('\0') != std::string_view::npos)
        return std::nullopt;
    return user.empty() ? std::nullopt : std::optional(std::string(user));
}

constexpr std::array<int, 4> kStatuses{400, 414, 431, 505};

void put_http_request(Writer& out, const HttpRequest& request) {
    out.put(request.state);
    out.put(static_cast<std::uint16_t>(request.status));
    if (request.state != HttpRequest::State::complete) return;
    for (const auto& text : {request.method, request.path, request.query, request.accept})
        out.put_text(text);
    out.put(request.keeps_open);
    out.put(request.has_body);
}

// RFC 9110: what these are made of. More than that matters to nobody here.
bool is_plain(const HttpRequest& request) {
    const auto all = [](std::string_view text, bool blanks) {
        return std::all_of(text.begin(), text.end(), [&](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return c == ' ' || c == '\t' ? blanks : byte > ' ' && byte != 0x7f;
        });
    };
    return all(request.method, false) && all(request.path, false) && all(request.query, false) &&
           all(request.accept, true);
}

std::optional<ParserReply> take_http_request(Reader& in, std::string_view asked) {
    using State = HttpRequest::State;
    HttpRequest request;
    request.state = in.take_one_of(State::bad);
    request.status = in.take<std::uint16_t>();
    if (request.state == State::complete) {
        for (std::string* text : {&request.method, &request.path, &request.query, &request.accept})
            *text = in.take_text();
        request.keeps_open = in.take_bool();
        request.has_body = in.take_bool();
        // It was asked about a whole one.
        request.size = asked.size();
    }
    if (!in.done()) return std::nullopt;
    const bool bad = request.state == State::bad;
    if (bad != (std::find(kStatuses.begin(), kStatuses.end(), request.status) != kStatuses.end()))
        return std::nullopt;
    if (!bad && request.status != 0) return std::nullopt;
    // Of one that is as long as can be, there is no more.
    if (request.state == State::more && asked.size() >= HttpRequest::kLongest) return std::nullopt;
    const bool told = is_part(request.method, asked) && is_part(request.query, asked) &&
                      (is_part(request.path, asked) || request.path == "/");
    if (!told || request.accept.size() > asked.size() || !is_plain(request)) return std::nullopt;
    return request;
}

void put_mux_request(Writer& out, const MuxRequest& request) {
    out.put(request.kind);
    out.put_text(request.name);
}

std::optional<ParserReply> take_mux_request(Reader& in, std::string_view asked) {
    using Kind = MuxRequest::Kind;
    MuxRequest request;
    request.kind = in.take_one_of(Kind::bad);
    request.name = in.take_text();
    if (!in.done()) return std::nullopt;
    // With what the line begins, all of which it is but for its end.
    const std::size_t size = request.kind == Kind::help ? 4 : request.name.size();
    const std::string_view name = asked.substr(0, size);
    const std::string_view end = asked.substr(name.size());
    const bool ended = end == "\r\n" || end == "\n";
    switch (request.kind) {
    case Kind::service:
        if (!ended || name != request.name || !is_mux_name(name)) return std::nullopt;
        return request;
    case Kind::help:
        if (!ended || !is_mux_help(name) || !request.name.empty()) return std::nullopt;
        return request;
    case Kind::bad:
        if (!request.name.empty()) return std::nullopt;
        return request;
    }
    return std::nullopt;
}

} // namespace

std::string encode_question(const ParserQuestion& question) {
    Writer out;
    out.put(question.kind);
    if (question.kind == Kind::ident_answer) {
        out.put(question.query.local);
        out.put(question.query.remote);
    }
    out.put(question.bytes.data(), question.bytes.size());
    return out.take();
}

std::string parse_apart(std::string_view question) {
    Reader in(question);
    const auto kind = in.take_one_of(Kind::mux_line);
    IdentQuery query;
    if (kind == Kind::ident_answer) {
        query.local = in.take<std::uint32_t>();
        query.remote = in.take<std::uint32_t>();
    }
    const std::string_view bytes = in.rest();
    if (!in.done()) return {};
    Writer out;
    out.put(kind);
    switch (kind) {
    case Kind::proxy_header:
        put_proxy_header(out, parse_proxy_header(bytes));
        break;
    case Kind::ident_query:
        put_ident_query(out, parse_ident_query(bytes));
        break;
    case Kind::ident_answer:
        out.put_text(parse_ident_answer(bytes, query).value_or(""));
        break;
    case Kind::http_request:
        put_http_request(out, parse_http_request(bytes));
        break;
    case Kind::mux_line:
        put_mux_request(out, parse_mux_line(bytes));
        break;
    }
    return out.take();
}

std::optional<ParserReply> decode_reply(const ParserQuestion& question, std::string_view reply) {
    Reader in(reply);
    if (in.take<std::uint8_t>() != static_cast<std::uint8_t>(question.kind)) return std::nullopt;
    switch (question.kind) {
    case Kind::proxy_header:
        return take_proxy_header(in, question.bytes.size());
    case Kind::ident_query:
        return take_ident_query(in);
    case Kind::ident_answer:
        return take_ident_answer(in, question.bytes);
    case Kind::http_request:
        return take_http_request(in, question.bytes);
    case Kind::mux_line:
        return take_mux_request(in, question.bytes);
    }
    return std::nullopt;
}

} // namespace inetd
