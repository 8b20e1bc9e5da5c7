#include "config/ident_options.h"

#include <algorithm>
#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <pwd.h>

namespace inetd {

using Reveal = IdentOptions::Reveal;

// RFC 1413: no colon, no control character, no more than 512 octets.
static bool can_be_said(std::string_view text) {
    return !text.empty() && text.size() <= 512 && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c <= '~' && c != ':';
    });
}

// Of the file and not of the name service, which may keep the daemon waiting, and a list of which
// few directories give.
static std::map<uid_t, std::string> user_names() {
    std::map<uid_t, std::string> names;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"),
                                                               &std::fclose);
    if (!file) return names;
    while (const passwd* entry = fgetpwent(file.get())) {
        if (can_be_said(entry->pw_name)) names.try_emplace(entry->pw_uid, entry->pw_name);
    }
    return names;
}

static bool fail(const Source& source, const Token& at, std::string text, std::string hint = {}) {
    source.error(at.at, std::move(text), std::move(hint));
    return false;
}

static bool take_word(const Source& source, const ServiceLine& line, std::size_t& at,
                      std::string& word) {
    const Token& option = line.arguments[at];
    if (++at == line.arguments.size())
        return fail(source, option, fmt::format("{} needs a word after it", quoted(option.text)));
    word = line.arguments[at].text;
    if (can_be_said(word)) return true;
    return fail(source, line.arguments[at],
                fmt::format("{} cannot stand in an answer", quoted(word)),
                "it must be of visible characters other than ':'");
}

static bool take_option(const Source& source, const ServiceLine& line, std::size_t& at,
                        IdentOptions& options) {
    const Token& option = line.arguments[at];
    if (option.text == "-d") return take_word(source, line, at, options.fallback);
    if (option.text == "-o") return take_word(source, line, at, options.system);
    if (option.text == "-i") {
        options.reveal = Reveal::number;
    } else if (option.text == "-r") {
        if (options.reveal == Reveal::nothing) options.reveal = Reveal::name;
    } else {
        return fail(source, option, fmt::format("auth has no option {}", quoted(option.text)),
                    "it takes -r (tell names), -i (tell numbers), -d NAME and -o SYSTEM; files "
                    "of users are not read");
    }
    return true;
}

std::shared_ptr<const IdentOptions> read_ident_options(const Source& source,
                                                       const ServiceLine& line) {
    auto options = std::make_shared<IdentOptions>();
    bool good = true;
    for (std::size_t at = 1; at < line.arguments.size() && good; ++at)
        good = take_option(source, line, at, *options);
    if (!good) return nullptr;
    if (options->reveal == Reveal::name) options->names = user_names();
    return options;
}

} // namespace inetd
