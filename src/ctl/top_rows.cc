#include "ctl/top_rows.h"

#include "ctl/fields.h"
#include "ctl/text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <tuple>
#include <utility>

namespace inetd::ctl {

const std::array<TopColumnInfo, kTopColumns> kTopColumnInfos{{
    {TopColumn::service, "SERVICE", "service", 'n'},
    {TopColumn::address, "ADDRESS", "address", 'd'},
    {TopColumn::state, "STATE", "state", 's'},
    {TopColumn::running, "RUNNING", "running", 'u'},
    {TopColumn::accepting, "ACC/S", "accepting", 'a'},
    {TopColumn::refusing, "REF/S", "refusing", 'f'},
    {TopColumn::cpu, "CPU%", "cpu", 'c'},
    {TopColumn::memory, "MEMORY", "memory", 'm'},
    {TopColumn::accepted, "ACCEPTED", "accepted", 'A'},
    {TopColumn::refused, "REFUSED", "refused", 'F'},
    {TopColumn::last_use, "LAST USE", "last-use", 'l'},
}};

std::vector<TopSample::Service> top_services(const Json& services) {
    std::vector<TopSample::Service> all;
    for (const Json& one : services) {
        TopSample::Service service;
        service.name = service_of(one);
        for (const Json& address : one.at("addresses"))
            service.address += (service.address.empty() ? "" : " ") + text_of(address);
        service.state = text_of(one.at("state"));
        service.running = one.at("running").get<std::uint64_t>();
        service.limit = one.at("limit").get<std::uint64_t>();
        service.accepted = one.at("accepted").get<std::uint64_t>();
        service.refused = one.at("refused").get<std::uint64_t>();
        if (const Json& last = one.at("last_use"); last.is_number()) service.last_use = last;
        if (const Json& pids = one.at("pids"); pids.is_array())
            service.pids = pids.get<std::vector<pid_t>>();
        all.push_back(std::move(service));
    }
    return all;
}

// Of a count that may have begun anew.
static std::optional<double> rate(std::uint64_t before, std::uint64_t now, double seconds) {
    if (now < before || seconds <= 0) return std::nullopt;
    return static_cast<double>(now - before) / seconds;
}

static void add_usage(TopRow& row, const TopSample* before, const TopSample& now) {
    double cpu = 0;
    std::uint64_t memory = 0;
    bool known = false;
    for (const pid_t pid : row.service.pids) {
        const auto found = now.usage.find(pid);
        if (found == now.usage.end()) continue;
        known = true;
        memory += found->second.memory;
        if (before == nullptr) continue;
        const auto was = before->usage.find(pid);
        // A process of another time may have had that number.
        const bool same = was != before->usage.end() && was->second.cpu <= found->second.cpu;
        cpu += found->second.cpu - (same ? was->second.cpu : 0);
    }
    if (!known) return;
    row.memory = memory;
    if (before != nullptr && now.at > before->at) row.cpu = 100 * cpu / (now.at - before->at);
}

std::vector<TopRow> top_rows(const TopSample* before, const TopSample& now) {
    using Identity = std::pair<std::string_view, std::string_view>;
    std::map<Identity, const TopSample::Service*> old;
    if (before != nullptr)
        for (const TopSample::Service& service : before->services)
            old.emplace(Identity{service.name, service.address}, &service);
    std::vector<TopRow> rows;
    for (const TopSample::Service& service : now.services) {
        TopRow row{service, {}, {}, {}, {}};
        if (const auto was = old.find({service.name, service.address}); was != old.end()) {
            const double seconds = now.at - before->at;
            row.accepting = rate(was->second->accepted, service.accepted, seconds);
            row.refusing = rate(was->second->refused, service.refused, seconds);
        }
        add_usage(row, before, now);
        rows.push_back(std::move(row));
    }
    return rows;
}

static double number_of(const TopRow& row, TopColumn column) {
    switch (column) {
    case TopColumn::running:
        return static_cast<double>(row.service.running);
    case TopColumn::accepting:
        return row.accepting.value_or(-1);
    case TopColumn::refusing:
        return row.refusing.value_or(-1);
    case TopColumn::cpu:
        return row.cpu.value_or(-1);
    case TopColumn::memory:
        return row.memory ? static_cast<double>(*row.memory) : -1;
    case TopColumn::accepted:
        return static_cast<double>(row.service.accepted);
    case TopColumn::refused:
        return static_cast<double>(row.service.refused);
    case TopColumn::last_use:
        return row.service.last_use.value_or(-1);
    case TopColumn::service:
    case TopColumn::address:
    case TopColumn::state:
        break;
    }
    return 0;
}

static const std::string* name_of(const TopRow& row, TopColumn column) {
    if (column == TopColumn::service) return &row.service.name;
    if (column == TopColumn::address) return &row.service.address;
    return column == TopColumn::state ? &row.service.state : nullptr;
}

void sort_top(std::vector<TopRow>& rows, const TopOrder& order) {
    std::stable_sort(rows.begin(), rows.end(), [&](const TopRow& one, const TopRow& other) {
        const TopRow& a = order.reversed ? other : one;
        const TopRow& b = order.reversed ? one : other;
        if (const std::string* name = name_of(a, order.column))
            return *name < *name_of(b, order.column);
        return number_of(a, order.column) > number_of(b, order.column);
    });
}

static std::string number_text(const std::optional<double>& number) {
    return number ? fmt::format("{:.1f}", *number) : "-";
}

static Table::Cell cell_of(const TopRow& row, TopColumn column, double now) {
    const TopSample::Service& service = row.service;
    switch (column) {
    case TopColumn::service:
        return {service.name};
    case TopColumn::address:
        return {service.address.empty() ? "-" : service.address};
    case TopColumn::state:
        return {service.state, colour_of_state(service.state)};
    case TopColumn::running:
        return {service.limit == 0 ? fmt::format("{}", service.running)
                                   : fmt::format("{}/{}", service.running, service.limit),
                service.limit != 0 && service.running >= service.limit ? Colour::yellow
                                                                       : Colour::none};
    case TopColumn::accepting:
        return {number_text(row.accepting)};
    case TopColumn::refusing:
        return {number_text(row.refusing),
                row.refusing.value_or(0) > 0 ? Colour::yellow : Colour::none};
    case TopColumn::cpu:
        return {number_text(row.cpu)};
    case TopColumn::memory:
        return {row.memory ? bytes_text(*row.memory) : "-"};
    case TopColumn::accepted:
        return {fmt::format("{}", service.accepted)};
    case TopColumn::refused:
        return {fmt::format("{}", service.refused)};
    case TopColumn::last_use:
        return {service.last_use ? duration_text(now - *service.last_use) + " ago" : "never"};
    }
    return {};
}

static Table::Column kind_of(TopColumn column) {
    if (column == TopColumn::service || column == TopColumn::address)
        return Table::Column::shrinking;
    const bool text = column == TopColumn::state || column == TopColumn::last_use;
    return text ? Table::Column::left : Table::Column::right;
}

// So that columns do not jump when a number grows.
static std::size_t least_width(const std::vector<TopRow>& rows, TopColumn column) {
    constexpr std::size_t kNumber = 7;
    constexpr std::size_t kTime = 13;
    constexpr std::size_t kState = 9;
    if (column == TopColumn::last_use) return kTime;
    if (column == TopColumn::state) return kState;
    if (kind_of(column) == Table::Column::right) return kNumber;
    std::size_t width = 0;
    for (const TopRow& row : rows)
        width = std::max(width, width_of(*name_of(row, column)));
    return width;
}

using Columns = std::vector<TopColumnInfo>;

static Table table_of(const Columns& columns, const std::vector<TopRow>& rows,
                      const TopOrder& order, std::size_t first, std::size_t end, double now) {
    Table table;
    for (const TopColumnInfo& info : columns) {
        const bool down = (name_of(rows.front(), info.column) == nullptr) != order.reversed;
        const char* mark = info.column != order.column ? "" : (down ? "↓" : "↑");
        table.add_column(std::string(info.title) + mark, kind_of(info.column),
                         least_width(rows, info.column));
    }
    for (std::size_t i = first; i < end; ++i) {
        std::vector<Table::Cell> cells;
        for (const TopColumnInfo& info : columns)
            cells.push_back(cell_of(rows[i], info.column, now));
        table.add_row(std::move(cells));
    }
    return table;
}

std::string top_text(const std::vector<TopRow>& rows, const TopOrder& order, std::size_t first,
                     std::size_t count, const Terminal& terminal, double now) {
    if (rows.empty()) return {};
    static constexpr std::array kDispensable{
        TopColumn::address,  TopColumn::last_use, TopColumn::refused, TopColumn::accepted,
        TopColumn::refusing, TopColumn::memory,   TopColumn::state,   TopColumn::cpu,
        TopColumn::running,  TopColumn::accepting};
    first = std::min(first, rows.size() - 1);
    const std::size_t end = first + std::min(count, rows.size() - first);
    Columns columns(kTopColumnInfos.begin(), kTopColumnInfos.end());
    Table table = table_of(columns, rows, order, first, end, now);
    constexpr std::size_t kReadable = 14; // of a name or an address
    for (const TopColumn next : kDispensable) {
        if (terminal.width == 0 || table.least_width(kReadable) <= terminal.width) break;
        std::erase_if(columns, [&](const TopColumnInfo& info) { return info.column == next; });
        table = table_of(columns, rows, order, first, end, now);
    }
    return table.text(terminal);
}

std::string top_totals(const std::vector<TopRow>& rows) {
    std::uint64_t running = 0;
    double accepting = 0;
    double refusing = 0;
    double cpu = 0;
    std::uint64_t memory = 0;
    std::size_t failed = 0;
    for (const TopRow& row : rows) {
        running += row.service.running;
        accepting += row.accepting.value_or(0);
        refusing += row.refusing.value_or(0);
        cpu += row.cpu.value_or(0);
        memory += row.memory.value_or(0);
        failed += row.service.state == "failed" ? 1U : 0U;
    }
    return fmt::format("{} service{}, {} failed, {} running, {:.1f} accepted/s, {:.1f} refused/s, "
                       "{:.1f} % cpu, {} memory",
                       rows.size(), rows.size() == 1 ? "" : "s", failed, running, accepting,
                       refusing, cpu, bytes_text(memory));
}

} // namespace inetd::ctl
