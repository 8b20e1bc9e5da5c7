#pragma once

#include "base/usage.h"
#include "ctl/context.h"
#include "ctl/table.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace inetd::ctl {

// What the daemon tells of its services at one moment, and the kernel of their processes.
struct TopSample {
    struct Service {
        std::string name; // "ftp/tcp"
        std::string address;
        std::string state;
        std::uint64_t running = 0;
        std::uint64_t limit = 0; // 0 = none
        std::uint64_t accepted = 0;
        std::uint64_t refused = 0;
        std::optional<double> last_use; // seconds since 1970
        std::vector<pid_t> pids;
    };
    double at = 0; // seconds, of any clock that never jumps
    std::vector<Service> services;
    std::map<pid_t, Usage> usage;
};

// Of a reply of List.
[[nodiscard]] std::vector<TopSample::Service> top_services(const Json& services);

// A line of the table. Rates are per second, between two samples.
struct TopRow {
    TopSample::Service service;
    std::optional<double> accepting;
    std::optional<double> refusing;
    std::optional<double> cpu;           // per cent of one processor, of the servers that run
    std::optional<std::uint64_t> memory; // bytes that are resident in them
};

// `before` may be null: then there are no rates. What ended between the two is not in `cpu`.
[[nodiscard]] std::vector<TopRow> top_rows(const TopSample* before, const TopSample& now);

enum class TopColumn : std::uint8_t {
    service,
    address,
    state,
    running,
    accepting,
    refusing,
    cpu,
    memory,
    accepted,
    refused,
    last_use,
};
inline constexpr std::size_t kTopColumns = 11;

struct TopColumnInfo {
    TopColumn column;
    const char* title;
    const char* word; // on the command line
    char key;         // sorts by it
};
extern const std::array<TopColumnInfo, kTopColumns> kTopColumnInfos;

struct TopOrder {
    TopColumn column = TopColumn::accepting;
    bool reversed = false; // names begin with A and numbers with the largest if not
};
// Equal ones stay as the daemon has them.
void sort_top(std::vector<TopRow>& rows, const TopOrder& order);

// The rows from `first` on, at most so many. Columns that do not fit are left out, the least
// important first. `now`: seconds since 1970.
[[nodiscard]] std::string top_text(const std::vector<TopRow>& rows, const TopOrder& order,
                                   std::size_t first, std::size_t count, const Terminal& terminal,
                                   double now);
// All services together: "5 running, 1.5 accepted/s, ..."
[[nodiscard]] std::string top_totals(const std::vector<TopRow>& rows);

} // namespace inetd::ctl
