#include "server/status_page.h"

#include "base/text.h"
#include "config/keys.h"
#include "server/html.h"
#include "server/load_plot.h"
#include "server/status_style.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <unistd.h>

namespace inetd {

namespace {
constexpr unsigned kRefresh = 10; // seconds, offered
constexpr unsigned kLongestRefresh = 3600;

struct Sums {
    std::uint64_t running = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::size_t failed = 0;
    bool drained = false;
    std::vector<LoadHistory::Span> load = std::vector<LoadHistory::Span>(LoadHistory::kSpans);
};
} // namespace

static Sums sums_of(const State& state) {
    Sums sums;
    for (const State::Service& service : state.services) {
        sums.running += service.running;
        sums.accepted += service.started;
        sums.refused += service.refused.total();
        sums.failed += service.condition == Condition::failed ? 1U : 0U;
        sums.drained = sums.drained || service.condition == Condition::drained;
        for (std::size_t i = 0; i < service.load.size(); ++i) {
            sums.load[i].accepted += service.load[i].accepted;
            sums.load[i].refused += service.load[i].refused;
        }
    }
    return sums;
}

static std::string span_text(Duration span) {
    const auto all = std::max<std::int64_t>(span / std::chrono::seconds(1), 0);
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 60 * kMinute;
    constexpr std::int64_t kDay = 24 * kHour;
    if (all < kMinute) return fmt::format("{}\u00A0s", all);
    if (all < kHour) return fmt::format("{}\u00A0min", all / kMinute);
    if (all < kDay) return fmt::format("{}\u00A0h {}\u00A0min", all / kHour, all % kHour / kMinute);
    return fmt::format("{}\u00A0d {}\u00A0h", all / kDay, all % kDay / kHour);
}

static std::string time_text(std::time_t time) {
    std::tm local{};
    std::array<char, 64> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %Z", localtime_r(&time, &local));
    return {text.data(), size};
}

static std::string counted(std::uint64_t count, const char* what) {
    return fmt::format("{} {}{}", html_number(count), what, count == 1 ? "" : "s");
}

// The class that gives a state its colour.
static const char* class_of(Condition condition) {
    switch (condition) {
    case Condition::listening:
    case Condition::lent:
    case Condition::muxed:
        return "good";
    case Condition::failed:
        return "bad";
    default:
        return "warn";
    }
}

static std::string head_html(const StatusPage& page, const Sums& sums) {
    std::string title = fmt::format("inetd on {}: {}", html_text(page.host),
                                    counted(page.state.services.size(), "service"));
    if (sums.failed != 0) title += fmt::format(", {} failed", sums.failed);
    return fmt::format("<!DOCTYPE html>\n"
                       "<html lang=\"en\">\n"
                       "<head>\n"
                       "<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n"
                       "<title>{}</title>\n"
                       // Or else browsers ask for /favicon.ico.
                       "<link rel=\"icon\" href=\"data:,\">\n"
                       "<style>{}</style>\n"
                       "</head>\n",
                       title, kStatusStyle);
}

static std::string facts_html(const StatusPage& page, const Sums& sums) {
    const About& about = page.about;
    const Duration age = page.state.at - about.started;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    const char* state = about.stopping ? "stopping" : (sums.drained ? "drained" : "running");
    std::string out = fmt::format(
        "<header>\n<h1>inetd <span>on {}</span></h1>\n<p class=\"facts\"><span class=\"state "
        "{}\">{}</span>, version {}, pid {}, for {}, since {}",
        html_text(page.host), state == std::string_view("running") ? "good" : "warn", state,
        INETD_VERSION, getpid(), span_text(age), html_text(time_text(page.now - seconds)));
    if (about.generation != 0)
        out += fmt::format(", {} of the binary", counted(about.generation, "change"));
    std::string files;
    for (const std::string& file : about.files)
        files += (files.empty() ? "" : ", ") + html_text(file);
    if (!about.settings.empty()) files += ", " + html_text(about.settings);
    if (!files.empty()) out += fmt::format(".\n<br>Configuration: {}", files);
    if (about.last_reload)
        out += fmt::format(".\n<br>Last reload {} ago: <span class=\"{}\">{}</span>",
                           span_text(page.state.at - about.last_reload->at),
                           about.last_reload->applied ? "" : "bad",
                           html_text(about.last_reload->text));
    return out + ".</p>\n</header>\n";
}

static std::string tile(const char* name, const std::string& value, const std::string& more) {
    return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", name, value,
                       more.empty() ? "" : fmt::format("<small>{}</small>", more));
}

static std::string tiles_html(const StatusPage& page, const Sums& sums) {
    const LoadTotals recent = totals_of(sums.load);
    const std::size_t servers = page.state.servers.size();
    const std::string failed =
        sums.failed == 0 ? "none failed"
                         : fmt::format("<span class=\"state bad\">{} failed</span>", sums.failed);
    return "<dl>\n" + tile("Services", html_number(page.state.services.size()), failed) +
           tile("Running", html_number(sums.running),
                fmt::format("{} process{}", html_number(servers), servers == 1 ? "" : "es")) +
           tile("Accepted", html_number(sums.accepted),
                html_number(recent.accepted) + " in 10 minutes") +
           tile("Refused", html_number(sums.refused),
                html_number(recent.refused) + " in 10 minutes") +
           "</dl>\n";
}

static std::string plot_html(const Sums& sums) {
    constexpr unsigned kHeight = 100;
    return fmt::format("<h2>Clients in the last 10 minutes</h2>\n<figure>{}<figcaption>"
                       "<span>10 minutes ago</span><span>{}</span><span>now</span></figcaption>"
                       "</figure>\n",
                       load_plot(sums.load, kHeight), load_text(sums.load));
}

static std::string failures_html(const State& state) {
    std::string items;
    for (const State::Service& service : state.services)
        for (const State::Socket& socket : service.sockets)
            if (socket.condition == Condition::failed)
                items += fmt::format("<li><strong>{}</strong> at {}: {}</li>\n",
                                     html_text(service.config->id()), html_text(socket.address),
                                     html_text(socket.reason));
    if (items.empty()) return {};
    return fmt::format("<h2>What could not be opened, and is tried again</h2>\n"
                       "<ul class=\"failed\">\n{}</ul>\n",
                       items);
}

static std::string refused_by(const RefusalCounts& counts) {
    std::string text;
    for (std::size_t i = 0; i < kRefusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        if (counts.of(refusal) != 0)
            text += fmt::format("<small>{} by {}</small>", html_number(counts.of(refusal)),
                                refusal_key(refusal));
    }
    return text;
}

static std::string number_cell(const char* name, std::uint64_t number, const std::string& more) {
    return fmt::format("<td class=\"number {}{}\">{}{}</td>", name, number == 0 ? " zero" : "",
                       html_number(number), more);
}

static std::string addresses_html(const State::Service& service) {
    std::string out;
    for (const State::Socket& socket : service.sockets)
        out += (out.empty() ? "" : "<br>") + html_text(socket.address);
    return service.sockets.empty() ? "behind tcpmux" : out;
}

static std::string row_html(const State::Service& service, TimePoint now) {
    const ServiceConfig& config = *service.config;
    const bool limited =
        config.terms->limits.instances != 0 && lacks_effect(Effect::counted, config) == nullptr;
    const bool quiet = totals_of(service.load).most == 0;
    constexpr unsigned kHeight = 24;
    std::string out = fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"address\">{}</td>"
        "<td class=\"condition\"><span class=\"state "
        "{}\">{}</span>{}</td>",
        html_text(config.id()), addresses_html(service), class_of(service.condition),
        condition_text(service.condition),
        service.reason.empty() ? "" : fmt::format("<small>{}</small>", html_text(service.reason)));
    const bool full = limited && service.running >= config.terms->limits.instances;
    out += number_cell(full ? "running full" : "running", service.running,
                       limited ? fmt::format(" / {}", html_number(config.terms->limits.instances))
                               : "");
    out += number_cell("accepted-count", service.started, "");
    out += number_cell("refused-count", service.refused.total(), refused_by(service.refused));
    out += service.last_use
               ? fmt::format("<td class=\"use\">{} ago</td>", span_text(now - *service.last_use))
               : "<td class=\"use zero\">never</td>";
    out += quiet ? "<td class=\"load quiet zero\">none</td>"
                 : fmt::format("<td class=\"load\">{}</td>", load_plot(service.load, kHeight));
    return out + "</tr>\n";
}

static std::string table_html(const State& state) {
    std::string out = "<h2>Services</h2>\n<table>\n<thead><tr><th>Service</th><th>Address</th>"
                      "<th>State</th><th class=\"number\">Running</th>"
                      "<th class=\"number\">Accepted</th><th class=\"number\">Refused</th>"
                      "<th>Last use</th><th>Last 10 minutes</th></tr></thead>\n<tbody>\n";
    for (const State::Service& service : state.services)
        out += row_html(service, state.at);
    return out + "</tbody>\n</table>\n";
}

static std::string footer_html(const StatusPage& page) {
    const std::string again =
        page.refresh != 0
            ? fmt::format("Loaded again every {} s; <a href=\"?\">stop</a>", page.refresh)
            : fmt::format("<a href=\"?refresh={0}\">Load again every {0} s</a>", kRefresh);
    return fmt::format("<footer>As of {}. {}.</footer>\n", html_text(time_text(page.now)), again);
}

std::string status_html(const StatusPage& page) {
    const Sums sums = sums_of(page.state);
    return head_html(page, sums) + "<body>\n" + facts_html(page, sums) + tiles_html(page, sums) +
           failures_html(page.state) + plot_html(sums) + table_html(page.state) +
           footer_html(page) + "</body>\n</html>\n";
}

std::string status_fields(unsigned refresh) {
    std::string fields =
        fmt::format("Content-Security-Policy: default-src 'none'; style-src '{}'; img-src data:; "
                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
                    "Referrer-Policy: no-referrer\r\n"
                    "X-Frame-Options: DENY\r\n"
                    "Cross-Origin-Resource-Policy: same-origin\r\n",
                    status_style_hash());
    if (refresh != 0) fields += fmt::format("Refresh: {}\r\n", refresh);
    return fields;
}

unsigned refresh_of(std::string_view query) {
    constexpr std::string_view kKey = "refresh=";
    if (!query.starts_with(kKey)) return 0;
    return to_number<unsigned>(query.substr(kKey.size()), 1, kLongestRefresh).value_or(0);
}

} // namespace inetd
