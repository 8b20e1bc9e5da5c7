#include "builtin/parser_message.h"

#include <cstring>
#include <limits>
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

} // namespace

std::string encode_question(const ParserQuestion& question) {
    Writer out;
    out.put(question.kind);
    out.put(question.bytes.data(), question.bytes.size());
    return out.take();
}

std::string parse_apart(std::string_view question) {
    Reader in(question);
    const auto kind = in.take_one_of(Kind::proxy_header);
    const std::string_view bytes = in.rest();
    if (!in.done()) return {};
    Writer out;
    out.put(kind);
    switch (kind) {
    case Kind::proxy_header:
        put_proxy_header(out, parse_proxy_header(bytes));
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
    }
    return std::nullopt;
}

} // namespace inetd
