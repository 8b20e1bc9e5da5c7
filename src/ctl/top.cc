#include "control/client.h"
#include "ctl/screen.h"
#include "ctl/text.h"
#include "ctl/top_rows.h"
#include "ctl/top_source.h"
#include "ctl/top_view.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace inetd::ctl {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {
struct Choice {
    double interval = 2; // seconds
    TopOrder order;
    bool once = false;
};
} // namespace

namespace {
// Looks again and again, until somebody wants the end.
class Watch {
  public:
    Watch(const Context& context, const Choice& choice)
        : source_(context),
          view_(source_.about(), choice.order),
          interval_(std::llround(choice.interval * 1000)) {}

    [[nodiscard]] Result<void> begin() { return source_.connect(); }
    // The signal that ended it, or 0.
    [[nodiscard]] Result<int> run();
    [[nodiscard]] const TopSource& source() const { return source_; }

  private:
    [[nodiscard]] Result<void> turn();
    [[nodiscard]] Result<void> look();

    TopSource source_;
    TopView view_;
    milliseconds interval_;
    steady_clock::time_point next_ = steady_clock::now();
    bool asked_ = false;
    bool lost_ = false; // the last connection, without an answer
};
} // namespace

// Asks when it is time, and takes what has come.
Result<void> Watch::look() {
    if (asked_) {
        auto sample = source_.take(milliseconds::zero());
        if (!sample) return sample.error();
        if (*sample) {
            view_.add(std::move(**sample));
            asked_ = false;
            lost_ = false;
        }
    }
    if (asked_ || steady_clock::now() < next_) return {};
    auto sent = source_.ask();
    asked_ = sent.has_value();
    next_ = steady_clock::now() + interval_;
    return sent;
}

// A daemon that changes its binary ends the connection, and takes a new one at once. There it is
// asked at once, too, unless it has ended one after the other without an answer.
Result<void> Watch::turn() {
    auto looked = look();
    if (looked || source_.refusal() != nullptr) return looked;
    asked_ = false;
    next_ = steady_clock::now() + (lost_ ? interval_ : milliseconds::zero());
    lost_ = true;
    return source_.connect();
}

Result<int> Watch::run() {
    Screen screen;
    for (;;) {
        if (const auto done = turn(); !done) return done.error();
        Screen::show(view_.lines(Screen::size()));
        const auto left = std::chrono::ceil<milliseconds>(next_ - steady_clock::now());
        // A daemon that does not answer is said to be so, and does not hold up the keys.
        if (asked_ && left <= milliseconds::zero()) view_.note("inetd does not answer");
        const auto event = screen.wait(asked_ ? source_.fd() : -1,
                                       asked_ && left <= milliseconds::zero() ? interval_ : left);
        if (event.signal != 0) return event.signal == SIGINT ? 0 : event.signal;
        for (const Stroke& stroke : event.strokes)
            if (!view_.press(stroke)) return 0;
    }
}

// The code to exit with.
static int failed(const Context& context, const TopSource& source, const Error& error) {
    return source.refusal() != nullptr ? explain(*source.refusal()) : unreachable(context, error);
}

static int live(const Context& context, const Choice& choice) {
    if (const auto usable = Screen::usable(); !usable) {
        complain(usable.error().what + "; --once prints one table");
        return kExitUsage;
    }
    Watch watch(context, choice);
    if (const auto begun = watch.begin(); !begun)
        return failed(context, watch.source(), begun.error());
    const auto ended = watch.run();
    if (!ended) return failed(context, watch.source(), ended.error());
    // Whoever has sent it learns that it was that.
    if (*ended != 0) raise(*ended);
    return kExitOk;
}

static Json json_of(const TopRow& row) {
    const auto number = [](const auto& value) { return value ? Json(*value) : Json(); };
    return {{"name", row.service.name},
            {"address", row.service.address},
            {"state", row.service.state},
            {"running", row.service.running},
            {"limit", row.service.limit},
            {"accepted", row.service.accepted},
            {"refused", row.service.refused},
            {"last_use", number(row.service.last_use)},
            {"accepted_rate", number(row.accepting)},
            {"refused_rate", number(row.refusing)},
            {"cpu", number(row.cpu)},
            {"memory", number(row.memory)}};
}

static int once(const Context& context, const Choice& choice) {
    TopSource source(context);
    if (const auto connected = source.connect(); !connected)
        return failed(context, source, connected.error());
    std::optional<TopSample> before;
    std::optional<TopSample> now;
    for (int i = 0; i < 2; ++i) {
        if (i != 0) std::this_thread::sleep_for(std::chrono::duration<double>(choice.interval));
        before = std::move(now);
        if (const auto asked = source.ask(); !asked) return failed(context, source, asked.error());
        auto sample = source.take(control::Client::kPatience);
        if (!sample) return failed(context, source, sample.error());
        if (!*sample) return unreachable(context, Error{"no answer", ETIMEDOUT});
        now = std::move(*sample);
    }
    std::vector<TopRow> rows = top_rows(&*before, *now);
    sort_top(rows, choice.order);
    if (!context.json) {
        print(top_totals(rows) + "\n\n" +
              top_text(rows, choice.order, 0, rows.size(), terminal(), calendar_now()));
        return kExitOk;
    }
    Json all = Json::array();
    for (const TopRow& row : rows)
        all.push_back(json_of(row));
    print_json({{"seconds", now->at - before->at}, {"services", std::move(all)}});
    return kExitOk;
}

void add_top_verbs(CLI::App& app, Context& context) {
    const auto choice = std::make_shared<Choice>();
    CLI::App* verb =
        add_asking_verb(app, context, "top", "Watch the services in a table", [&context, choice] {
            return choice->once || context.json ? once(context, *choice) : live(context, *choice);
        });
    verb->add_option("-d,--interval", choice->interval, "Look again after so long (2)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 3600.0));
    std::vector<std::string> words;
    words.reserve(kTopColumns);
    for (const TopColumnInfo& info : kTopColumnInfos)
        words.emplace_back(info.word);
    verb->add_option_function<std::string>(
            "--sort",
            [choice](const std::string& word) {
                for (const TopColumnInfo& info : kTopColumnInfos)
                    if (info.word == word) choice->order.column = info.column;
            },
            "By this column")
        ->type_name("COLUMN")
        ->check(CLI::IsMember(words));
    verb->add_flag("-r,--reverse", choice->order.reversed, "The other way round");
    verb->add_flag("--once", choice->once, "Print one table, after one interval");
}

} // namespace inetd::ctl
