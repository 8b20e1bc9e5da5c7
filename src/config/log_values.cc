#include "config/log_values.h"

#include "base/text.h"
#include "config/value_error.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace inetd {

struct LogWordName {
    const char* name;
    LogWord word;
    bool of_success;
    bool of_failure;
};
static constexpr std::array kNames{
    LogWordName{"PID", LogWord::pid, true, false},
    LogWordName{"HOST", LogWord::host, true, true},
    LogWordName{"USERID", LogWord::userid, true, true},
    LogWordName{"EXIT", LogWord::exit, true, false},
    LogWordName{"DURATION", LogWord::duration, true, false},
    LogWordName{"TRAFFIC", LogWord::traffic, true, false},
    LogWordName{"ATTEMPT", LogWord::attempt, false, true},
};

static std::string hint_for(std::string word, const std::vector<std::string_view>& candidates) {
    for (char& c : word)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (const auto near = did_you_mean(word, candidates))
        return fmt::format("did you mean '{}'?", *near);
    return fmt::format("it takes {}", fmt::join(candidates, ", "));
}

static std::optional<Value> read_words(const Setting& setting, bool LogWordName::*taken,
                                       const char* example) {
    const Setting::List* list = setting.list();
    if (list == nullptr) return wrong_value(setting, fmt::format("a list of words, {}", example));
    std::vector<std::string_view> candidates;
    for (const LogWordName& known : kNames)
        if (known.*taken) candidates.emplace_back(known.name);
    LogWords words;
    bool good = true;
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        const auto* known = std::find_if(kNames.begin(), kNames.end(), [&](const auto& name) {
            return text != nullptr && name.*taken && equal_but_for_case(name.name, *text);
        });
        if (known != kNames.end()) {
            words.add(known->word);
            continue;
        }
        good = false;
        setting.error(fmt::format("'{}' has no word {}", setting.name, shown(item)),
                      hint_for(text != nullptr ? *text : "", candidates));
    }
    if (!good) return std::nullopt;
    return words;
}

std::optional<Value> read_success_words(const Setting& setting) {
    return read_words(setting, &LogWordName::of_success, R"(as in ["PID", "HOST", "EXIT"])");
}

std::optional<Value> read_failure_words(const Setting& setting) {
    return read_words(setting, &LogWordName::of_failure, R"(as in ["HOST", "USERID"])");
}

std::string log_words_text(const LogWords& words) {
    std::vector<std::string> items;
    for (const LogWordName& known : kNames)
        if (words.has(known.word)) items.push_back(string_literal(known.name));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

} // namespace inetd
