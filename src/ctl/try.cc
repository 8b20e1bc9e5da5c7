#include "base/text.h"
#include "ctl/answer_text.h"
#include "ctl/fields.h"
#include "ctl/text.h"
#include "ctl/trial.h"
#include "ctl/trial_report.h"
#include "ctl/unknown_service.h"
#include "ctl/verbs.h"
#include "ctl/verdict.h"
#include "ctl/way.h"
#include "ctl/witness.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace inetd::ctl {

namespace {
struct Choice {
    std::string name;
    std::string address;
    std::string send;
    bool sends = false;
    double limit = 5; // seconds
    std::size_t most = std::size_t{64} * 1024;
    bool force = false;
};

// The service that is tried.
struct Candidate {
    Json details;
    Ways ways;
    Opening opening;
    std::string id; // "ftp/tcp"
};

// Shows the answer, and keeps what is looked at afterwards.
class Audience {
  public:
    explicit Audience(bool json) : json_(json), terminal_(isatty(STDOUT_FILENO) != 0) {}
    void hear(std::string_view bytes) {
        if (json_ || answer_.size() < kKept) answer_ += bytes;
        if (!json_) print(terminal_ ? text_.add(bytes) : std::string(bytes));
    }
    void end() {
        if (json_ || !terminal_) return;
        print(text_.end());
        if (!text_.at_line_start()) print("\n");
    }
    [[nodiscard]] const std::string& answer() const { return answer_; }

  private:
    static constexpr std::size_t kKept = 4096;
    bool json_;
    bool terminal_;
    AnswerText text_;
    std::string answer_;
};
} // namespace

// Beside the answer, which may go to a file.
static void say(const std::string& text) {
    static_cast<void>(std::fputs(text.c_str(), stderr));
}

static int conclude(const Context& context, const TrialReport& report) {
    if (context.json) {
        print_json(trial_json(report));
    } else {
        say(trial_text(report));
    }
    return report.verdict.code;
}

// inetd never shuts out a loopback.
static bool would_be_shut_out(const Candidate& chosen) {
    const auto& open = chosen.ways.open;
    return !chosen.opening.sensor.empty() &&
           std::any_of(open.begin(), open.end(), [](const Way& way) {
               return way.address.is_ip() && !way.address.is_loopback();
           });
}

// The first service of the name that can be reached, or else the first.
static Candidate choose(const Json& services, const Choice& choice) {
    std::vector<Candidate> all;
    for (const Json& one : services)
        all.push_back(
            {one, ways_to(one, choice.address), opening_of(one), service_of(one.at("service"))});
    for (Candidate& one : all)
        if (!one.ways.open.empty()) return std::move(one);
    return std::move(all.front());
}

static Json details_now(const Context& context, const Candidate& chosen) {
    const Answer answer = ask(context, "Show", {{"name", chosen.id}});
    if (!answer) return chosen.details;
    for (const Json& one : answer.parameters.at("services"))
        if (one.at("file") == chosen.details.at("file") &&
            one.at("line") == chosen.details.at("line"))
            return one;
    return chosen.details;
}

static TrialPlan plan_of(const Context& context, const Candidate& chosen, const Choice& choice,
                         const Way& way, std::string text, Audience& audience) {
    TrialPlan plan;
    plan.prefix = way.header + chosen.opening.prefix;
    plan.text = std::move(text);
    plan.probe = chosen.opening.probe;
    if (!choice.sends && fcntl(STDIN_FILENO, F_GETFD) >= 0 && isatty(STDIN_FILENO) == 0) {
        plan.input = STDIN_FILENO;
    }
    plan.ends = chosen.opening.mirrored || chosen.opening.swallowed;
    plan.silent = chosen.opening.swallowed;
    plan.limit = std::chrono::milliseconds(std::llround(choice.limit * 1000));
    plan.most = choice.most;
    plan.show = [&audience](std::string_view bytes) { audience.hear(bytes); };
    if (!context.json)
        plan.connected = [&chosen](const SocketAddress& address, double after) {
            say(fmt::format("{}: connected to {} in {}\n", chosen.id,
                            printable(address.to_string()), span_text(after)));
        };
    return plan;
}

// `text` is sent before standard input.
static TrialReport try_way(const Context& context, const Candidate& chosen, const Choice& choice,
                           const Way& way, std::string text) {
    TrialReport report{.service = chosen.id, .address = way.address.to_string()};
    Audience audience(context.json);
    Witness witness(context, chosen.id);
    report.trial = attempt(way, plan_of(context, chosen, choice, way, std::move(text), audience));
    audience.end();
    report.answer = audience.answer();
    const Trial::End end = report.trial.end;
    const bool over = way.has_connections() && !chosen.details.at("wait").get<bool>() &&
                      (end == Trial::End::closed || end == Trial::End::reset);
    report.account = witness.account(report.trial.own, over);
    report.verdict = verdict_of({.details = details_now(context, chosen),
                                 .opening = chosen.opening,
                                 .way = way,
                                 .trial = report.trial,
                                 .account = report.account,
                                 .answer = report.answer});
    return report;
}

static int try_ways(const Context& context, const Candidate& chosen, const Choice& choice) {
    for (const std::string& trouble : chosen.ways.trouble)
        if (!context.json) say(fmt::format("{}: {}\n", chosen.id, trouble));
    std::string text = choice.sends ? *unescaped(choice.send) : "";
    for (std::size_t i = 0;; ++i) {
        TrialReport report = try_way(context, chosen, choice, chosen.ways.open[i], std::move(text));
        text = std::move(report.trial.unsent);
        // What somebody may have got is not sent to another one.
        const bool last = i + 1 == chosen.ways.open.size() || report.trial.sent != 0;
        if (last || report.trial.end != Trial::End::unreachable) return conclude(context, report);
        if (!context.json) say(trial_text(report));
    }
}

static int give_up(const Context& context, const Candidate& chosen, const char* outcome,
                   std::string text, std::string advice) {
    return conclude(context,
                    {.service = chosen.id,
                     .verdict = {outcome, kExitFailed, std::move(text), std::move(advice)}});
}

static bool listens_at(const Json& details, const std::string& address) {
    const Json& sockets = details.at("sockets");
    return std::any_of(sockets.begin(), sockets.end(),
                       [&](const Json& one) { return one.at("address") == address; });
}

// What is behind tcpmux is entered by the sockets of tcpmux, and as its line says.
static void ask_for_headers(const Context& context, Ways& ways) {
    const Answer all = ask(context, "List");
    if (!all) return;
    for (const Json& service : all.parameters.at("services")) {
        const Json& addresses = service.at("addresses");
        for (Way& way : ways.open) {
            if (std::find(addresses.begin(), addresses.end(), way.listening) == addresses.end())
                continue;
            const Answer answer = ask(context, "Show", {{"name", service_of(service)}});
            if (!answer) return;
            for (const Json& one : answer.parameters.at("services"))
                if (one.at("builtin") == "tcpmux" && listens_at(one, way.listening))
                    way.header = header_of(one);
        }
    }
}

static int try_service(const Context& context, const Choice& choice) {
    if (choice.sends && !unescaped(choice.send)) {
        complain(R"(--send: a backslash comes before n, r, t, 0, \, " or two digits as in \x1b)");
        return kExitUsage;
    }
    const Answer answer = ask(context, "Show", {{"name", choice.name}});
    if (answer.code == kExitNoService) explain_unknown_service(context, choice.name);
    if (!answer) return answer.code;
    const Json& services = answer.parameters.at("services");
    Candidate chosen = choose(services, choice);
    if (!chosen.opening.prefix.empty()) ask_for_headers(context, chosen.ways);
    if (services.size() > 1 && !context.json)
        say(fmt::format("{}: the one of {} services of that name that is tried\n", chosen.id,
                        services.size()));
    if (would_be_shut_out(chosen) && !choice.force)
        return give_up(context, chosen, "untried",
                       fmt::format("not tried: whoever connects to this sensor is shut out for {}",
                                   chosen.opening.sensor),
                       "--force tries it all the same");
    if (!chosen.ways.open.empty()) return try_ways(context, chosen, choice);
    std::string text;
    for (const std::string& trouble : chosen.ways.trouble)
        text += (text.empty() ? "does not work: " : "; ") + trouble;
    return give_up(context, chosen, "closed", text, chosen.ways.remedy);
}

void add_try_verbs(CLI::App& app, Context& context) {
    const auto choice = std::make_shared<Choice>();
    CLI::App* verb = add_asking_verb(app, context, "try", "Be a client of a service: does it work?",
                                     [&context, choice] { return try_service(context, *choice); });
    verb->add_option("NAME", choice->name, "Its name, or name/protocol")->required();
    verb->add_option_function<std::string>(
            "--send",
            [choice](const std::string& text) {
                choice->send = text;
                choice->sends = true;
            },
            R"(Send this instead of standard input; knows \n, \r, \x1b)")
        ->type_name("TEXT");
    verb->add_option("--address", choice->address, "Only at this one of its addresses")
        ->type_name("ADDRESS");
    verb->add_option("--timeout", choice->limit, "Give up after so long (5)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.01, 86400.0));
    verb->add_option("--bytes", choice->most, "End after so many bytes (65536); 0: never")
        ->type_name("N");
    verb->add_flag("--force", choice->force, "Try a sensor, too");
}

} // namespace inetd::ctl
