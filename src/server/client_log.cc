#include "server/client_log.h"

#include "base/seconds.h"
#include "base/text.h"
#include "log/log.h"

#include <cstring>
#include <fmt/core.h>
#include <string>

namespace inetd {

static constexpr LogWords kOfStart{LogWord::pid, LogWord::host, LogWord::userid};
static constexpr LogWords kOfEnd{LogWord::exit, LogWord::duration, LogWord::traffic};

static bool wants_user(const std::optional<LogWords>& words) {
    return words && words->has(LogWord::userid);
}

// "ftp: 192.0.2.1:4711: ", with what of this is to be told.
static std::string beginning(const ServiceConfig& config, const SocketAddress& peer, bool host) {
    if (!host || peer.family() == AF_UNSPEC) return config.name + ": ";
    return config.name + ": " + peer.unmapped().to_string() + ": ";
}

static SocketAddress local_end(int connection) {
    if (connection < 0) return {};
    return SocketAddress::bound_to(connection).value_or(SocketAddress());
}

// Clients of TCP, if they have come to us by themselves.
static bool has_users(const ServiceConfig& config) {
    if (config.terms->proxy_protocol) return false;
    if (config.listen.empty()) return true;
    // Of MPTCP the first subflow, which is a connection of TCP, has the ports that are asked about.
    const int protocol = config.listen.front().protocol;
    return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

ClientLog::User ClientLog::server_started(const ServiceConfigPtr& config, const SocketAddress& peer,
                                          const SocketAddress& local, pid_t pid) {
    const auto& chosen = config->terms->log_on_success;
    if (!chosen && !log_connections_) return nullptr;
    const LogWords words = chosen.value_or(kOfStart);
    const bool host = words.has(LogWord::host);
    const bool number = words.has(LogWord::pid);
    if (words.has_any(kOfStart) && log::enabled(log::Level::info))
        log::write({log::Level::info,
                    beginning(*config, peer, host) + "started" +
                        (number ? " pid " + std::to_string(pid) : ""),
                    {.event = log::Event::child_started,
                     .service = config->name,
                     .peer = host ? &peer : nullptr,
                     .pid = number ? pid : 0}});
    if (!wants_user(chosen) || !has_users(*config)) return nullptr;
    auto user = std::make_shared<std::string>();
    ident_.ask(local, peer, [config, peer, host, pid = number ? pid : 0, user](const auto& said) {
        *user = said;
        log::info(
            {.service = config->name, .peer = host ? &peer : nullptr, .pid = pid, .user = said},
            R"({}{}user "{}" by ident)", beginning(*config, peer, host),
            pid != 0 ? fmt::format("pid {}: ", pid) : "", escaped(said));
    });
    return user;
}

namespace {

// The parts of a line, with commas between them. These lines and those of a start are what is said
// of every client: without fmt, which takes its time and would stay in memory for them.
class Details {
  public:
    void add(const std::string& detail) {
        text_ += text_.empty() ? ": " : ", ";
        text_ += detail;
    }
    void add(const Traffic& traffic) {
        add(std::to_string(traffic.in) + " bytes in, " + std::to_string(traffic.out) + " out");
    }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

} // namespace

void ClientLog::server_ended(const ServerEnd& what) {
    const ServiceConfig& config = what.config;
    const ChildEnd& end = what.end;
    const LogWords words = config.terms->log_on_success.value_or(
        LogWords{LogWord::pid, LogWord::exit, LogWord::duration});
    const auto level = end.how == CLD_EXITED ? log::Level::info : log::Level::notice;
    if (!words.has_any(kOfEnd) || !log::enabled(level)) return;
    const std::string number = std::to_string(end.status);
    const char* signal = end.how == CLD_EXITED ? nullptr : sigabbrev_np(end.status);
    log::About about{.event = log::Event::child_ended, .service = config.name};
    Details details;
    const bool host = words.has(LogWord::host);
    if (host || !config.terms->log_on_success) about.peer = &what.peer;
    if (words.has(LogWord::pid)) about.pid = end.pid;
    if (words.has(LogWord::exit)) {
        about.exit_status = signal != nullptr ? std::string_view(signal) : std::string_view(number);
        details.add(end.text());
    }
    if (words.has(LogWord::traffic) && what.traffic) {
        about.bytes_in = what.traffic->in;
        about.bytes_out = what.traffic->out;
        details.add(*what.traffic);
    }
    if (words.has(LogWord::duration)) {
        about.lasted = what.lasted;
        details.add(seconds_text(what.lasted));
    }
    if (words.has(LogWord::userid) && what.user && !what.user->empty()) {
        about.user = *what.user;
        details.add("user \"" + escaped(*what.user) + "\"");
    }
    log::write({level,
                beginning(config, what.peer, host) +
                    (about.pid != 0 ? "pid " + std::to_string(about.pid) + " " : "") + "ended" +
                    details.text(),
                about});
}

void ClientLog::session_started(const ServiceConfigPtr& config, const SocketAddress& peer,
                                int connection) {
    const auto& chosen = config->terms->log_on_success;
    if (!chosen && !log_connections_) return;
    const LogWords words = chosen.value_or(kOfStart);
    const bool host = words.has(LogWord::host);
    if (words.has_any(kOfStart))
        log::info({.service = config->name, .peer = host ? &peer : nullptr}, "{}session started",
                  beginning(*config, peer, host));
    if (!wants_user(chosen) || !has_users(*config)) return;
    ident_.ask(local_end(connection), peer, [config, peer, host](const std::string& said) {
        log::info({.service = config->name, .peer = host ? &peer : nullptr, .user = said},
                  R"({}user "{}" by ident)", beginning(*config, peer, host), escaped(said));
    });
}

void ClientLog::session_ended(const SessionEnd& end) const {
    const ServiceConfig& config = *end.service;
    if (!config.terms->log_on_success && !log_connections_) return;
    const LogWords words = config.terms->log_on_success.value_or(
        LogWords{LogWord::host, LogWord::traffic, LogWord::duration});
    if (!words.has_any(kOfEnd)) return;
    const bool host = words.has(LogWord::host);
    log::About about{.service = config.name, .peer = host ? &end.peer : nullptr};
    Details details;
    if (words.has(LogWord::traffic)) {
        about.bytes_in = end.bytes_in;
        about.bytes_out = end.bytes_out;
        details.add(Traffic{end.bytes_in, end.bytes_out});
    }
    if (words.has(LogWord::duration)) {
        about.lasted = end.lasted;
        details.add(seconds_text(end.lasted));
    }
    log::info(about, "{}session ended{}", beginning(config, end.peer, host), details.text());
}

// The client of a unix socket may have bound itself to any bytes.
std::string ClientLog::host_text(const SocketAddress& peer) {
    return peer.family() == AF_UNIX ? peer.to_string() : peer.unmapped().host();
}

std::string ClientLog::name_of_refused(const ServiceConfig& config, const std::string& host) {
    return !config.terms->log_on_failure || config.terms->log_on_failure->has(LogWord::host)
               ? host
               : "a client";
}

void ClientLog::refused(const Refused& what) {
    const ServiceConfigPtr& config = what.config;
    if (!notes_refusals(*config)) return;
    const bool host =
        !config->terms->log_on_failure || config->terms->log_on_failure->has(LogWord::host);
    const std::string who = name_of_refused(*config, what.host);
    log::notice({.event = log::Event::client_refused,
                 .service = config->name,
                 .peer = host ? &what.peer : nullptr,
                 .refused_by = what.key},
                "{}: refused {}: {}", config->name, who, what.why);
    if (!wants_user(config->terms->log_on_failure) || !has_users(*config) || what.connection < 0)
        return;
    ident_.ask(local_end(what.connection), what.peer,
               [config, peer = what.peer, host, who](const std::string& said) {
                   log::notice(
                       {.service = config->name, .peer = host ? &peer : nullptr, .user = said},
                       R"({}: refused {}: user "{}" by ident)", config->name, who, escaped(said));
               });
}

} // namespace inetd
