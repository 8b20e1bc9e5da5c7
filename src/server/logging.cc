#include "server/logging.h"

#include "base/syslog_names.h"
#include "log/log.h"
#include "log/stream_sink.h"
#include "log/syslog_sink.h"
#include "systemd/journal.h"

#include <syslog.h>

namespace inetd {

using namespace std::chrono_literals;
using Sink = Result<std::unique_ptr<log::Sink>>;

static std::unique_ptr<log::Sink> usual_sink(bool foreground, int facility) {
    if (!foreground) return std::make_unique<log::SyslogSink>(facility);
    if (log::stderr_is_journal()) {
        if (auto journal = JournalSink::create(facility)) return *std::move(journal);
    }
    return std::make_unique<log::StreamSink>();
}

static Sink make_sink(const std::string& target, bool foreground, int facility) {
    if (target.empty()) return usual_sink(foreground, facility);
    if (target == "journal") return JournalSink::create(facility);
    if (target == "syslog") return std::unique_ptr<log::Sink>(new log::SyslogSink(facility));
    if (target != "stderr") return log::StreamSink::open_file(target);
    if (!foreground) return Error{"there is no standard error in the background", 0};
    return std::unique_ptr<log::Sink>(new log::StreamSink);
}

Logging::Logging(EventLoop& loop, bool foreground)
    : loop_(loop), foreground_(foreground), backoff_(10ms, 1s) {
    if (!foreground) return;
    place_ = Place{"", DaemonSettings().log_facility};
    log::set_sink(usual_sink(true, LOG_DAEMON));
}

bool Logging::apply(const DaemonSettings& settings) {
    const auto level = level_by_name(settings.log_level).value_or(LOG_INFO);
    log::set_level(static_cast<log::Level>(level));
    Place wanted{settings.log_target, settings.log_facility};
    if (place_ == wanted) return false;
    const int facility = facility_by_name(wanted.facility).value_or(LOG_DAEMON);
    auto sink = make_sink(wanted.target, foreground_, facility);
    if (sink) {
        log::set_sink(*std::move(sink));
        place_ = std::move(wanted);
        return true;
    }
    const bool first = !place_;
    log::error("log_target: {}; messages go {}", sink.error().text(),
               first ? "to syslog" : "where they went before");
    if (!first) return false;
    // The caller's standard error is about to go.
    log::set_sink(usual_sink(foreground_, facility));
    place_ = Place{"", wanted.facility};
    log::error("log_target: {}; messages go to syslog", sink.error().text());
    return true;
}

void Logging::reopen() {
    if (const auto done = log::reopen(); !done)
        log::error("log_target: {}; messages go to the old file", done.error().text());
}

void Logging::flush() {
    const log::Rest rest = log::flush();
    if (rest != log::Rest::same) backoff_.reset();
    if (rest == log::Rest::none) return timer_.reset();
    // The round that the timer brings about ends here again.
    if (!timer_) timer_ = loop_.after(backoff_.next(), [] {});
}

} // namespace inetd
