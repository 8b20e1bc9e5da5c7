#include "policy/access_list.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <string>
#include <vector>

using namespace inetd;
using Kind = AccessEntry::Kind;
using Verdict = AccessList::Verdict;

static AccessEntry entry_of(const std::string& text) {
    if (text == "*") return {.kind = Kind::everybody, .text = text};
    if (const auto network = Cidr::parse(text))
        return {.kind = Kind::network, .text = text, .network = network};
    if (text.starts_with("uid:") || text.starts_with("gid:"))
        return {.kind = text.starts_with("uid:") ? Kind::user : Kind::group,
                .text = text,
                .id = static_cast<id_t>(std::stoul(text.substr(4)))};
    const bool domain = text.starts_with('.');
    return {.kind = domain ? Kind::domain : Kind::host,
            .text = text,
            .name = text.substr(domain ? 1 : 0)};
}

static AccessEntries list_of(const std::vector<std::string>& texts) {
    auto entries = std::make_shared<std::vector<AccessEntry>>();
    for (const std::string& text : texts)
        entries->push_back(entry_of(text));
    return entries;
}

static SocketAddress at(const std::string& host) {
    return *SocketAddress::parse_ip(host, 4711);
}

static HostNames named(std::vector<std::string> names) {
    return {.state = HostNames::State::known, .names = std::move(names)};
}

TEST_CASE("access: without only_from everybody, with it those alone") {
    const AccessList shut_out(nullptr, list_of({"192.0.2.0/24"}));
    CHECK(shut_out.judge(at("192.0.2.9")) == Verdict::no_access);
    CHECK(shut_out.judge(at("192.0.3.9")) == Verdict::admitted);
    CHECK(shut_out.judge(at("::1")) == Verdict::admitted);
    const AccessList let_in(list_of({"192.0.2.0/24", "2001:db8::/32"}), nullptr);
    CHECK(let_in.judge(at("192.0.2.9")) == Verdict::admitted);
    CHECK(let_in.judge(at("2001:db8:9::1")) == Verdict::admitted);
    CHECK(let_in.judge(at("192.0.3.9")) == Verdict::only_from);
    CHECK(let_in.judge(at("::1")) == Verdict::only_from);
    const AccessList nobody(list_of({}), nullptr);
    CHECK(nobody.judge(at("192.0.2.9")) == Verdict::only_from);
}

TEST_CASE("access: what is mapped into IPv6 is IPv4") {
    const AccessList list(list_of({"192.0.2.0/24"}), list_of({"::ffff:192.0.2.7"}));
    CHECK(list.judge(at("::ffff:192.0.2.9")) == Verdict::admitted);
    CHECK(list.judge(at("192.0.2.7")) == Verdict::no_access);
}

TEST_CASE("access: the longest prefix wins, and no_access where both are as long") {
    const AccessList list(list_of({"0.0.0.0/0", "10.1.0.0/16", "10.1.2.3", "10.2.0.1", "::/0"}),
                          list_of({"10.0.0.0/8", "10.1.2.0/24", "10.2.0.1", "2001:db8::/32"}));
    CHECK(list.judge(at("192.0.2.1")) == Verdict::admitted);
    CHECK(list.judge(at("10.9.0.1")) == Verdict::no_access);
    CHECK(list.judge(at("10.1.9.1")) == Verdict::admitted);
    CHECK(list.judge(at("10.1.2.4")) == Verdict::no_access);
    CHECK(list.judge(at("10.1.2.3")) == Verdict::admitted);
    CHECK(list.judge(at("10.2.0.1")) == Verdict::no_access);
    CHECK(list.judge(at("2001:db8::1")) == Verdict::no_access);
    CHECK(list.judge(at("2001:db9::1")) == Verdict::admitted);
}

TEST_CASE("access: everybody is the most general of all") {
    const AccessList list(list_of({"192.0.2.0/24"}), list_of({"*"}));
    CHECK(list.judge(at("192.0.2.9")) == Verdict::admitted);
    CHECK(list.judge(at("192.0.3.9")) == Verdict::no_access);
    const AccessList both(list_of({"*"}), list_of({"0.0.0.0/0"}));
    CHECK(both.judge(at("192.0.2.9")) == Verdict::no_access);
    CHECK(both.judge(at("::1")) == Verdict::admitted);
    CHECK(both.judge(SocketAddress::vsock(2, 1)) == Verdict::admitted);
}

TEST_CASE("access: a full name is one client, a domain those below it, the longer the better") {
    const AccessList list(list_of({".example.org", "a.bad.example.org"}),
                          list_of({".bad.example.org", "b.example.org"}));
    const auto judge = [&](std::vector<std::string> names) {
        return list.judge(at("192.0.2.1"), named(std::move(names)));
    };
    CHECK(judge({"x.example.org"}) == Verdict::admitted);
    CHECK(judge({"example.org"}) == Verdict::only_from);
    CHECK(judge({"badexample.org"}) == Verdict::only_from);
    CHECK(judge({"x.bad.example.org"}) == Verdict::no_access);
    CHECK(judge({"x.y.bad.example.org"}) == Verdict::no_access);
    CHECK(judge({"a.bad.example.org"}) == Verdict::admitted);
    CHECK(judge({"b.example.org"}) == Verdict::no_access);
    CHECK(judge({}) == Verdict::only_from);
    // Of two names the better of each, and no_access among equals.
    CHECK(judge({"x.example.org", "x.bad.example.org"}) == Verdict::no_access);
    CHECK(judge({"x.bad.example.org", "a.bad.example.org"}) == Verdict::admitted);
}

TEST_CASE("access: neither a network nor a domain is the more particular, so no_access wins") {
    const AccessList one(list_of({"10.0.0.0/8"}), list_of({".guests.example"}));
    CHECK(one.judge(at("10.0.0.1"), named({"x.guests.example"})) == Verdict::no_access);
    CHECK(one.judge(at("10.0.0.1"), named({"x.staff.example"})) == Verdict::admitted);
    const AccessList other(list_of({".staff.example"}), list_of({"10.0.0.0/8"}));
    CHECK(other.judge(at("10.0.0.1"), named({"x.staff.example"})) == Verdict::no_access);
    CHECK(other.judge(at("192.0.2.1"), named({"x.staff.example"})) == Verdict::admitted);
    // One address is more particular than either.
    const AccessList single(list_of({"10.0.0.1"}), list_of({".guests.example"}));
    CHECK(single.judge(at("10.0.0.1"), named({"x.guests.example"})) == Verdict::admitted);
    const AccessList same(list_of({"10.0.0.1"}), list_of({"x.guests.example"}));
    CHECK(same.judge(at("10.0.0.1"), named({"x.guests.example"})) == Verdict::no_access);
}

TEST_CASE("access: a name is asked for only where it could change the answer") {
    const AccessList list(list_of({"10.0.0.0/8", "192.0.2.1"}),
                          list_of({".bad.example", "10.9.9.9"}));
    CHECK(list.judge(at("10.0.0.1")) == Verdict::undecided);
    CHECK(list.judge(at("192.0.2.1")) == Verdict::admitted);
    CHECK(list.judge(at("10.9.9.9")) == Verdict::no_access);
    CHECK(list.judge(at("192.0.2.2")) == Verdict::only_from); // and no name lets it in
    const AccessList host(list_of({"192.0.2.1", "ok.example"}), nullptr);
    CHECK(host.judge(at("192.0.2.1")) == Verdict::admitted);
    CHECK(host.judge(at("192.0.2.2")) == Verdict::undecided);
    const AccessList both(list_of({"192.0.2.1"}), list_of({"bad.example"}));
    CHECK(both.judge(at("192.0.2.1")) == Verdict::undecided);
}

TEST_CASE("access: an unknown name leaves undecided whom a name could let in or keep out") {
    const HostNames unknown;
    const AccessList in(list_of({".example.org", "192.0.2.1"}), nullptr);
    CHECK(in.judge(at("192.0.2.2"), unknown) == Verdict::undecided);
    CHECK(in.judge(at("192.0.2.1"), unknown) == Verdict::admitted);
    const AccessList out(nullptr, list_of({".example.org"}));
    CHECK(out.judge(at("192.0.2.2"), unknown) == Verdict::undecided);
    CHECK(out.judge(at("192.0.2.2"), named({})) == Verdict::admitted);
    CHECK(out.judge(SocketAddress(), unknown) == Verdict::admitted); // no IP, so no name
}

TEST_CASE("access: of a unix socket's client the user is more particular than its groups") {
    const AccessList list(list_of({"uid:1000", "gid:50", "*"}), list_of({"gid:60", "uid:1001"}));
    CHECK(list.has_ids());
    const auto judge = [&](uid_t user, std::vector<gid_t> groups) {
        return list.judge(LocalClient{.user = user, .groups = std::move(groups)});
    };
    CHECK(judge(1000, {60}) == Verdict::admitted);
    CHECK(judge(1001, {50}) == Verdict::no_access);
    CHECK(judge(1002, {50}) == Verdict::admitted);
    CHECK(judge(1002, {50, 60}) == Verdict::no_access);
    CHECK(judge(1002, {1002}) == Verdict::admitted);
    const AccessList users(list_of({"uid:0"}), nullptr);
    CHECK(users.judge(LocalClient{.user = 1, .groups = {0}}) == Verdict::only_from);
    CHECK(users.judge(at("127.0.0.1")) == Verdict::only_from);
}

TEST_CASE("access: many entries of many lengths") {
    std::vector<std::string> only;
    std::vector<std::string> no;
    for (int i = 0; i < 10000; ++i) {
        only.push_back(fmt::format("10.{}.{}.0/24", i / 250, i % 250));
        no.push_back(fmt::format("10.{}.{}.128/25", i / 250, i % 250));
        only.push_back(fmt::format("2001:db8:{:x}::/48", i));
    }
    const AccessList list(list_of(only), list_of(no));
    CHECK(list.judge(at("10.39.249.1")) == Verdict::admitted);
    CHECK(list.judge(at("10.39.249.129")) == Verdict::no_access);
    CHECK(list.judge(at("10.40.0.1")) == Verdict::only_from);
    CHECK(list.judge(at("2001:db8:270f:1::1")) == Verdict::admitted);
    CHECK(list.judge(at("2001:db8:2710::1")) == Verdict::only_from);
}
