#include "config/network_values.h"

#include "base/text.h"
#include "config/source.h"
#include "config/value_error.h"

#include <fmt/format.h>

namespace inetd {

std::optional<Value> read_networks(const Setting& setting) {
    const Setting::List* list = setting.list();
    if (list == nullptr)
        return wrong_value(
            setting, R"(a list of addresses and networks, as in ["192.0.2.1", "2001:db8::/64"])");
    std::vector<Cidr> networks;
    networks.reserve(list->items.size());
    bool good = true;
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        const auto network = text != nullptr ? Cidr::parse(*text) : std::nullopt;
        if (network) {
            networks.push_back(*network);
            continue;
        }
        setting.error(
            fmt::format("'{}': {} is not an address or a network", setting.name, shown(item)),
            R"(write them in digits, as in "192.0.2.1" or "2001:db8::/64")");
        good = false;
    }
    if (!good) return std::nullopt;
    return networks;
}

std::string networks_text(const std::vector<Cidr>& networks) {
    std::vector<std::string> items;
    items.reserve(networks.size());
    for (const Cidr& network : networks)
        items.push_back(string_literal(network.to_string()));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

} // namespace inetd
