#include "ctl/verdict.h"

#include "ctl/fields.h"
#include "ctl/text.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace inetd::ctl {

std::string span_text(double seconds) {
    return seconds < 1 ? fmt::format("{:.1f} ms", seconds * 1000)
                       : fmt::format("{:.2f} s", seconds);
}

static std::string bytes(std::uint64_t count) {
    return count == 1 ? "1 byte" : fmt::format("{} bytes", count);
}

static std::string server_text(const Witness::Account& account) {
    if (!account.ended) return {};
    const std::string pid = account.pid ? fmt::format(" (pid {})", *account.pid) : "";
    return fmt::format("; its server{} ended: {}", pid, *account.ended);
}

static std::string end_text(const Trial& trial) {
    switch (trial.end) {
    case Trial::End::closed:
        return fmt::format("the service closed the connection after {}", span_text(trial.lasted));
    case Trial::End::reset:
        return fmt::format("then the connection was broken off: {}", strerrordesc_np(trial.error));
    case Trial::End::timed_out:
        return fmt::format("the connection was still open after {}", span_text(trial.lasted));
    case Trial::End::enough:
        return "no more was asked for";
    case Trial::End::quiet:
    case Trial::End::unreachable:
        break;
    }
    return {};
}

// Seconds from 1900 on in network order (RFC 868).
static std::string meaning(const Evidence& evidence) {
    if (text_of(evidence.details.at("builtin")) != "time" || evidence.answer.size() != 4) return {};
    std::uint32_t since_1900 = 0;
    for (const char c : evidence.answer)
        since_1900 = since_1900 << 8U | static_cast<unsigned char>(c);
    constexpr std::uint32_t kFrom1900To1970 = 2'208'988'800;
    return fmt::format(", which mean {}", time_text(since_1900 - kFrom1900To1970));
}

static Verdict answered(const Evidence& evidence) {
    const Trial& trial = evidence.trial;
    const std::string end = end_text(trial);
    std::string text = fmt::format("works: {} came{}, the first after {}", bytes(trial.received),
                                   meaning(evidence), span_text(*trial.first));
    if (!trial.peer.empty()) text += fmt::format(", from {}", trial.peer);
    if (!end.empty()) text += "; " + end;
    return {"answered", kExitOk, text + server_text(evidence.account), {}};
}

static Verdict unreachable(const Evidence& evidence) {
    const int error = evidence.trial.error;
    std::string advice;
    if (error == ECONNREFUSED) {
        advice = "inetd listens there, so a packet filter or another network namespace is between";
    } else if (error == EACCES || error == EPERM) {
        advice = "'socket_mode', 'socket_user' and 'socket_group' of inetd.cfg(5) say who may";
    } else if (error == ETIMEDOUT) {
        advice = evidence.way.has_connections() ? "its queue is full, or a packet filter is between"
                                                : "its queue is full: nobody reads it";
    } else if (error == ENOENT) {
        advice = "somebody has removed the socket; a restart of inetd makes it anew";
    }
    const bool sends = !evidence.way.has_connections();
    return {"unreachable", kExitFailed,
            fmt::format("does not work: {} {}: {}", sends ? "sending to" : "connecting to",
                        evidence.way.address.to_string(),
                        error == ETIMEDOUT
                            ? fmt::format("{} within {}",
                                          sends ? "there was no room" : "nobody answered",
                                          span_text(evidence.trial.lasted))
                            : strerrordesc_np(error)),
            advice};
}

static Verdict silent(const Evidence& evidence) {
    const Trial& trial = evidence.trial;
    Verdict verdict{"silent", kExitSilent, {}, {}};
    verdict.text =
        fmt::format("{} within {}",
                    evidence.opening.swallowed ? "the connection was not closed" : "nothing came",
                    span_text(trial.lasted));
    const Json& service = evidence.details.at("service");
    const std::string reason = text_of(service.at("reason"));
    if (!evidence.account.pid && !reason.empty()) {
        verdict.text += fmt::format("; it is {}: {}", text_of(service.at("state")), reason);
    } else if (trial.sent == 0) {
        verdict.advice = "it may wait for its client to speak first: try --send 'TEXT\\r\\n'";
    }
    return verdict;
}

// Of a connection that is queued the kernel takes a line, too: that the service has read it is seen
// by the end that it answers ours with. A datagram service cannot tell.
static bool is_swallowed(const Evidence& evidence) {
    return evidence.opening.swallowed &&
           (evidence.trial.end == Trial::End::closed || evidence.trial.end == Trial::End::quiet);
}

static Verdict nothing_came(const Evidence& evidence) {
    const Trial& trial = evidence.trial;
    const std::string server = server_text(evidence.account);
    if (is_swallowed(evidence))
        return {"taken",
                kExitOk,
                fmt::format("works: took {} and answered nothing, as it should", bytes(trial.sent)),
                {}};
    if (!evidence.opening.sensor.empty() && trial.end != Trial::End::timed_out)
        return {"taken", kExitOk, "works: this sensor closed the connection, as it should", {}};
    if (trial.end == Trial::End::reset)
        return {"reset",
                kExitFailed,
                fmt::format("does not work: {} before anything came{}",
                            strerrordesc_np(trial.error), server),
                {}};
    if (trial.end == Trial::End::timed_out) return silent(evidence);
    return {"ended",
            kExitSilent,
            fmt::format("nothing came: the service closed the connection after {}{}",
                        span_text(trial.lasted), server),
            {}};
}

Verdict verdict_of(const Evidence& evidence) {
    const Trial& trial = evidence.trial;
    if (evidence.account.refused)
        return {"refused", kExitFailed,
                fmt::format("does not work: inetd refused this client by '{}' of inetd.cfg(5)",
                            *evidence.account.refused),
                fmt::format("'inetctl show {}' tells where that is set",
                            service_of(evidence.details.at("service")))};
    if (trial.end == Trial::End::unreachable) return unreachable(evidence);
    if (!trial.first) return nothing_came(evidence);
    // RFC 1078
    if (!evidence.details.at("behind").empty() && evidence.answer.starts_with("-Service not"))
        return {"refused", kExitFailed, "does not work: tcpmux says that it is not available", {}};
    if (evidence.opening.mirrored && trial.probed && evidence.answer != evidence.opening.probe)
        return {
            "garbled", kExitFailed, "does not work: something else came back than was sent", {}};
    return answered(evidence);
}

} // namespace inetd::ctl
