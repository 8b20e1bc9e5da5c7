#include "base/syslog_names.h"

#include <array>
#include <span>
#include <syslog.h>

namespace inetd {

namespace {
struct Word {
    std::string_view name;
    int number;
};
} // namespace

// Not LOG_KERN, which glibc's syslog(3) does not let a process use either.
static constexpr std::array kFacilities{
    Word{"daemon", LOG_DAEMON}, Word{"auth", LOG_AUTH},     Word{"authpriv", LOG_AUTHPRIV},
    Word{"cron", LOG_CRON},     Word{"ftp", LOG_FTP},       Word{"lpr", LOG_LPR},
    Word{"mail", LOG_MAIL},     Word{"news", LOG_NEWS},     Word{"syslog", LOG_SYSLOG},
    Word{"user", LOG_USER},     Word{"uucp", LOG_UUCP},     Word{"local0", LOG_LOCAL0},
    Word{"local1", LOG_LOCAL1}, Word{"local2", LOG_LOCAL2}, Word{"local3", LOG_LOCAL3},
    Word{"local4", LOG_LOCAL4}, Word{"local5", LOG_LOCAL5}, Word{"local6", LOG_LOCAL6},
    Word{"local7", LOG_LOCAL7}};

static constexpr std::array kLevels{Word{"error", LOG_ERR}, Word{"warning", LOG_WARNING},
                                    Word{"notice", LOG_NOTICE}, Word{"info", LOG_INFO},
                                    Word{"debug", LOG_DEBUG}};

static std::optional<int> find(std::span<const Word> words, std::string_view name) {
    for (const Word& word : words)
        if (word.name == name) return word.number;
    return std::nullopt;
}

static std::vector<std::string_view> names_of(std::span<const Word> words) {
    std::vector<std::string_view> names;
    for (const Word& word : words)
        names.push_back(word.name);
    return names;
}

std::optional<int> facility_by_name(std::string_view name) {
    return find(kFacilities, name);
}

std::vector<std::string_view> facility_names() {
    return names_of(kFacilities);
}

std::optional<int> level_by_name(std::string_view name) {
    return find(kLevels, name);
}

std::vector<std::string_view> level_names() {
    return names_of(kLevels);
}

} // namespace inetd
