#pragma once

#include "config/values.h"

#include <optional>
#include <string>

namespace inetd {

// A list of the words of log_on_success or log_on_failure.
[[nodiscard]] std::optional<Value> read_success_words(const Setting& setting);
[[nodiscard]] std::optional<Value> read_failure_words(const Setting& setting);

[[nodiscard]] std::string log_words_text(const LogWords& words);

} // namespace inetd
