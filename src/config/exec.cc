#include "config/exec.h"

#include "config/columns.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace inetd {

namespace {

enum Column : std::size_t { kType, kProtocol, kWait, kSocket, kUser, kColumnCount };

constexpr std::array<std::string_view, kColumnCount> kNames = {"socket type", "protocol",
                                                               "wait column", "socket", "user"};

using Columns = std::array<std::optional<Token>, kColumnCount>;

} // namespace

static constexpr std::string_view kBetween = " -- ";

static bool fail(const Source& source, Position at, std::string text, std::string hint = {}) {
    source.error(at, std::move(text), std::move(hint));
    return false;
}

static std::string shown_word(const std::string& word) {
    constexpr std::string_view kPlain = "+,-./:=@_";
    const bool plain = std::all_of(word.begin(), word.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kPlain.find(c) != std::string_view::npos;
    });
    if (plain && !word.empty()) return word;
    std::string out = "'";
    for (const char c : word)
        out += c == '\'' ? "'\\''" : std::string(1, c);
    return out + "'";
}

std::string shown_text(const ExecService& exec) {
    std::string text = exec.spec + std::string(kBetween);
    for (const std::string& word : exec.command)
        text += (&word == &exec.command.front() ? "" : " ") + shown_word(word);
    // A Source is cut into lines at these.
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::replace(text.begin(), text.end(), '\r', ' ');
    return text;
}

Position command_position(const ExecService& exec, int number) {
    return {number, static_cast<int>(exec.spec.size() + kBetween.size()) + 1};
}

// The column that a word is for by what it says; none of a socket or a user.
static std::optional<Column> known_column(const std::string& word) {
    const auto head = [&](const char* marks) {
        return std::string_view(word).substr(0, word.find_first_of(marks));
    };
    if (names_type(head(",:"))) return kType;
    if (names_protocol(head(","))) return kProtocol;
    if (head(".:/") == "wait" || head(".:/") == "nowait") return kWait;
    return std::nullopt;
}

static std::string keyword(const std::string& word, std::string otherwise) {
    return suggestion(word,
                      {"wait", "nowait", "stream", "dgram", "seqpacket", "tcp", "tcp4", "tcp6",
                       "tcp46", "udp", "udp4", "udp6", "udp46", "unix", "sctp", "mptcp", "udplite",
                       "vsock"},
                      std::move(otherwise));
}

static bool sort_out(const Source& source, const Line& words, Columns& columns) {
    bool good = true;
    for (const Token& word : words) {
        const auto known = known_column(word.text);
        const Column other = columns[kSocket] ? kUser : kSocket;
        std::optional<Token>& column = columns[known.value_or(other)];
        if (!column) {
            column = word;
        } else if (known) {
            good = fail(source, word.at,
                        fmt::format("{} is a second {}", quoted(word.text), kNames[*known]),
                        "one --exec has one socket; write another --exec for another");
        } else {
            good = fail(source, word.at, fmt::format("{} is one word too many", quoted(word.text)),
                        keyword(word.text, fmt::format("{} is the socket, and {} the user",
                                                       quoted(columns[kSocket]->text),
                                                       quoted(columns[kUser]->text))));
        }
    }
    return good;
}

// Fills in what is left out; the socket is known.
static void infer(const ServiceLine& line, Columns& columns) {
    const bool path = line.service.text.starts_with('/') || line.service.text.starts_with('@');
    const auto set = [&](Column column, std::string_view text) {
        if (!columns[column])
            columns[column] = {.text = std::string(text), .at = line.service.at, .verbatim = false};
    };
    const auto starts = [&](Column column, std::string_view text) {
        return columns[column] && columns[column]->text.starts_with(text);
    };
    set(kType, starts(kProtocol, "udp") ? "dgram" : "stream");
    set(kProtocol, path                         ? "unix"
                   : starts(kType, "dgram")     ? "udp"
                   : starts(kType, "seqpacket") ? "sctp"
                                                : "tcp");
    // Such a service is never 'nowait'.
    const bool local_dgram = starts(kType, "dgram") && starts(kProtocol, "unix");
    set(kWait, local_dgram ? "wait" : "nowait");
}

static void set_command(const ExecService& exec, int number, ServiceLine& line) {
    const Position at = command_position(exec, number);
    line.program = {.text = exec.program, .at = at};
    for (const std::string& word : exec.command)
        line.arguments.push_back({.text = word, .at = at, .verbatim = false});
    // As in inetd.conf, where argv[0] of a built-in service is left out.
    if (line.internal()) line.arguments.erase(line.arguments.begin());
}

std::optional<ServiceLine> parse_exec(const Source& source, const Line& words,
                                      const ExecService& exec, int number) {
    Columns columns;
    bool good = sort_out(source, words, columns);
    if (columns[kType] && columns[kType]->text.starts_with("raw"))
        good = fail(source, columns[kType]->at, "a raw service is for inetd.conf",
                    "there its protocol is any of protocols(5)");
    if (!columns[kSocket])
        good = fail(source, {number, std::max(1, static_cast<int>(exec.spec.size()) + 1)},
                    "neither a port nor a path is named", "as in 'tcp 8080' or '/run/x.sock'");
    if (!good) return std::nullopt;

    ServiceLine line;
    good = read_service(source, *columns[kSocket], line);
    infer(line, columns);
    good = read_type(source, *columns[kType], line) && good;
    good = read_protocol(source, *columns[kProtocol], line) && good;
    good = read_wait(source, *columns[kWait], line) && good;
    if (columns[kUser]) good = read_user(source, *columns[kUser], line) && good;
    set_command(exec, number, line);
    if (!good || !check_line(source, line, columns[kWait]->at)) return std::nullopt;
    return line;
}

void suggest_words(const Line& words, std::size_t first, Diagnostics& diagnostics) {
    for (std::size_t i = first; i < diagnostics.size(); ++i)
        for (const Token& word : words)
            if (diagnostics[i].column == word.at.column && !known_column(word.text))
                diagnostics[i].hint = keyword(word.text, diagnostics[i].hint);
}

} // namespace inetd
