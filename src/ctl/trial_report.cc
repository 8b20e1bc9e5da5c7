#include "ctl/trial_report.h"

#include "base/hex.h"
#include "ctl/answer_text.h"

#include <fmt/format.h>
#include <optional>

namespace inetd::ctl {

template<typename T>
static Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

static Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : Json(text);
}

Json trial_json(const TrialReport& report) {
    const Trial& trial = report.trial;
    const bool text = is_text(report.answer);
    return {{"service", report.service},
            {"address", text_or_null(report.address)},
            {"outcome", report.verdict.outcome},
            {"text", report.verdict.text},
            {"advice", text_or_null(report.verdict.advice)},
            {"connected", or_null(trial.connected)},
            {"first_byte", or_null(trial.first)},
            {"lasted", trial.lasted},
            {"sent", trial.sent},
            {"received", trial.received},
            {"answer", text ? Json(report.answer) : Json()},
            {"answer_hex", text ? Json() : Json(hex(report.answer))},
            {"pid", or_null(report.account.pid)},
            {"ended", or_null(report.account.ended)},
            {"refused_by", or_null(report.account.refused)},
            {"messages", report.account.messages}};
}

std::string trial_text(const TrialReport& report) {
    std::string out = fmt::format("{}: {}\n", report.service, report.verdict.text);
    for (const std::string& message : report.account.messages)
        out += fmt::format("log: {}\n", message);
    if (!report.verdict.advice.empty()) out += fmt::format("hint: {}\n", report.verdict.advice);
    return out;
}

} // namespace inetd::ctl
