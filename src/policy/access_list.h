#pragma once

#include "base/address.h"
#include "base/cidr.h"
#include "base/host_names.h"
#include "config/model.h"
#include "policy/network_table.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace inetd {

// The process at the other end of a unix socket.
struct LocalClient {
    uid_t user = 0;
    std::vector<gid_t> groups{}; // its own first
};

// Who is on two lists, only_from and no_access, built for thousands of entries: a look-up costs a
// binary search. Of the entries that match, the most particular decide:
//
//   one client   an address in full, a full name; of a unix socket's client the user
//   some         a network, where the longest prefix counts; a domain, where the longest does; of
//                a unix socket's client a group
//   everybody    0.0.0.0/0 of IPv4, ::/0 of IPv6, "*"
//
// no_access wins over only_from where both are equally particular; a network and a domain are, for
// neither says more than the other. Whom no entry matches may come in if there is no only_from.
class AccessList {
  public:
    AccessList(const AccessEntries& only_from, const AccessEntries& no_access);

    enum class Verdict : std::uint8_t {
        admitted,
        no_access, // it is on that list
        only_from, // it is not on that one
        undecided, // what its name is could change the answer
    };
    // By the address alone. Also for addresses that are none of IP, which only "*" matches.
    [[nodiscard]] Verdict judge(const SocketAddress& client) const;
    // By address and name. Undecided only where the name is unknown: refuse it then.
    [[nodiscard]] Verdict judge(const SocketAddress& client, const HostNames& names) const;
    [[nodiscard]] Verdict judge(const LocalClient& client) const;
    [[nodiscard]] bool has_ids() const { return !users_.empty() || !groups_.empty(); }

  private:
    // On which of the lists something is.
    using Sides = std::uint8_t;
    static constexpr Sides kOnlyFrom = 1;
    static constexpr Sides kNoAccess = 2;

    // The sides of what matches, from the most particular to the most general; of networks and of
    // domains those of the longest that matches.
    struct Matches {
        Sides one = 0;
        Sides network = 0;
        Sides domain = 0;
        Sides everybody = 0;
    };
    template<typename Key>
    using Table = std::unordered_map<Key, Sides>;

    using Networks = std::vector<std::pair<Cidr, Sides>>;

    void add(const AccessEntries& entries, Sides side, Networks& networks);
    void add(const AccessEntry& entry, Sides side, Networks& networks);
    [[nodiscard]] Matches match_address(const SocketAddress& client) const;
    void match_name(const std::string& name, Matches& matches) const;
    [[nodiscard]] Verdict decide(const Matches& matches) const;
    [[nodiscard]] bool name_matters(const Matches& matches) const;

    NetworkTable networks_; // but for those of length 0
    Table<std::string> hosts_;
    Table<std::string> domains_;
    Table<uid_t> users_;
    Table<gid_t> groups_;
    Sides name_sides_ = 0;   // of all hosts
    Sides domain_sides_ = 0; // of all domains
    Sides everybody_ = 0;
    Sides all_v4_ = 0;
    Sides all_v6_ = 0;
    bool restricted_ = false; // there is an only_from
};

} // namespace inetd
