#include "builtin/http_cut.h"
#include "builtin/parser_message.h"

#include <cstdlib>
#include <cstring>

using namespace inetd;

using Kind = ParserQuestion::Kind;

// What is asked about at once.
static std::size_t most(Kind kind) {
    switch (kind) {
    case Kind::proxy_header:
        return ProxyHeader::kLongest;
    case Kind::ident_query:
        return kLongestIdentLine;
    case Kind::ident_answer:
        return kLongestIdentAnswer;
    case Kind::http_request:
        return HttpRequest::kLongest;
    case Kind::mux_line:
        return MuxLine::kLongest;
    }
    return 0;
}

static void check(const ParserQuestion& question, const ProxyHeader& header) {
    if (header.size > question.bytes.size()) std::abort();
    if (header.source.has_value() != header.destination.has_value()) std::abort();
    if (header.source &&
        (!header.source->is_ip() || header.source->family() != header.destination->family()))
        std::abort();
}

static void check(const ParserQuestion& question, const std::optional<IdentQuery>& /*query*/) {
    if (question.kind != Kind::ident_query) std::abort();
}

static void check(const ParserQuestion& question, const std::optional<std::string>& user) {
    if (user && question.bytes.find(*user) == std::string::npos) std::abort();
}

static void check(const ParserQuestion& question, const HttpRequest& request) {
    if (request.size > question.bytes.size()) std::abort();
    for (const auto& text : {request.method, request.path, request.query, request.accept})
        if (text.size() > question.bytes.size() || text.find('\n') != std::string::npos)
            std::abort();
}

static void check(const ParserQuestion& question, const MuxRequest& request) {
    const std::string& line = question.bytes;
    const bool named = request.kind == MuxRequest::Kind::service;
    if (named != is_mux_name(request.name) || named == request.name.empty()) std::abort();
    // It is all of the line, so there is nothing left to lie about but that it is bad.
    const auto honest = parse_mux_line(line);
    if (request.kind != MuxRequest::Kind::bad && request.kind != honest.kind) std::abort();
    if (named && request.name != honest.name) std::abort();
}

static void check(const ParserQuestion& /*question*/, std::monostate /*none*/) {
    std::abort();
}

// The kind, two bytes for the length of the question, the question, and a reply that the parser may
// have made up: it is refused, or could be true. The true one is never refused.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size < 3) return 0;
    std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
    ParserQuestion question;
    question.kind = static_cast<Kind>(data[0] % (static_cast<int>(Kind::mux_line) + 1));
    std::uint16_t length = 0;
    std::memcpy(&length, data + 1, sizeof length);
    question.bytes = rest.substr(0, length);
    rest.remove_prefix(question.bytes.size());
    if (question.bytes.size() > most(question.kind)) return 0;
    if (const auto reply = decode_reply(question, rest))
        std::visit([&](const auto& value) { check(question, value); }, *reply);
    // Of a request no more than the head is asked about.
    if (question.kind == Kind::http_request) {
        HttpCut cut;
        cut.read(question.bytes);
        question.bytes.resize(cut.size());
    }
    const std::string message = encode_question(question);
    const std::string reply = parse_apart(message);
    if (message.size() > kLongestParserMessage || reply.size() > kLongestParserMessage)
        std::abort();
    if (!decode_reply(question, reply)) std::abort();
    return 0;
}
