#include "policy/access_list.h"

namespace inetd {

using Kind = AccessEntry::Kind;

AccessList::AccessList(const AccessEntries& only_from, const AccessEntries& no_access)
    : restricted_(only_from != nullptr) {
    Networks networks;
    add(only_from, kOnlyFrom, networks);
    add(no_access, kNoAccess, networks);
    networks_ = NetworkTable(networks);
}

void AccessList::add(const AccessEntries& entries, Sides side, Networks& networks) {
    if (!entries) return;
    for (const AccessEntry& entry : *entries)
        add(entry, side, networks);
}

void AccessList::add(const AccessEntry& entry, Sides side, Networks& networks) {
    switch (entry.kind) {
    case Kind::everybody:
        everybody_ |= side;
        break;
    case Kind::network: {
        const Cidr& network = *entry.network;
        if (network.length() == 0)
            (network.is_v4() ? all_v4_ : all_v6_) |= side;
        else
            networks.emplace_back(network, side);
        break;
    }
    case Kind::host:
        hosts_[entry.name] |= side;
        name_sides_ |= side;
        break;
    case Kind::domain:
        domains_[entry.name] |= side;
        domain_sides_ |= side;
        break;
    case Kind::user:
        users_[entry.id] |= side;
        break;
    case Kind::group:
        groups_[entry.id] |= side;
        break;
    }
}

AccessList::Matches AccessList::match_address(const SocketAddress& client) const {
    Matches matches{.everybody = everybody_};
    if (!client.is_ip()) return matches;
    matches.everybody |= client.unmapped().family() == AF_INET ? all_v4_ : all_v6_;
    if (const auto found = networks_.find(client))
        (found->is_host ? matches.one : matches.network) = found->value;
    return matches;
}

void AccessList::match_name(const std::string& name, Matches& matches) const {
    if (const auto host = hosts_.find(name); host != hosts_.end()) matches.one |= host->second;
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
        const auto domain = domains_.find(name.substr(dot + 1));
        if (domain == domains_.end()) continue;
        matches.domain |= domain->second;
        return;
    }
}

AccessList::Verdict AccessList::decide(const Matches& matches) const {
    for (const int sides :
         {int{matches.one}, matches.network | matches.domain, int{matches.everybody}}) {
        if ((sides & kNoAccess) != 0) return Verdict::no_access;
        if (sides != 0) return Verdict::admitted;
    }
    return restricted_ ? Verdict::only_from : Verdict::admitted;
}

// Whether any name that the lists have, were it the client's, would change the answer.
bool AccessList::name_matters(const Matches& matches) const {
    const Verdict without = decide(matches);
    const auto changes = [&](Sides Matches::*place, Sides possible) {
        for (const Sides side : {kOnlyFrom, kNoAccess}) {
            if ((possible & side) == 0) continue;
            Matches with = matches;
            with.*place |= side;
            const bool admitted = decide(with) == Verdict::admitted;
            if (admitted != (without == Verdict::admitted)) return true;
        }
        return false;
    };
    return changes(&Matches::one, name_sides_) || changes(&Matches::domain, domain_sides_);
}

AccessList::Verdict AccessList::judge(const SocketAddress& client) const {
    const Matches matches = match_address(client);
    if (client.is_ip() && name_matters(matches)) return Verdict::undecided;
    return decide(matches);
}

AccessList::Verdict AccessList::judge(const SocketAddress& client, const HostNames& names) const {
    Matches matches = match_address(client);
    if (names.state == HostNames::State::unknown)
        return client.is_ip() && name_matters(matches) ? Verdict::undecided : decide(matches);
    for (const std::string& name : names.names)
        match_name(name, matches);
    return decide(matches);
}

AccessList::Verdict AccessList::judge(const LocalClient& client) const {
    Matches matches{.everybody = everybody_};
    if (const auto user = users_.find(client.user); user != users_.end())
        matches.one = user->second;
    for (const gid_t group : client.groups)
        if (const auto found = groups_.find(group); found != groups_.end())
            matches.network |= found->second;
    return decide(matches);
}

} // namespace inetd
