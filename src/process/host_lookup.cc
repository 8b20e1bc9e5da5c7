#include "process/host_lookup.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <vector>

namespace inetd {

static constexpr std::size_t kMostNames = 8;
static constexpr std::size_t kMostRoom = 1U << 20U;

namespace {
enum class Answer { yes, no, none };
} // namespace

static std::string plain_name(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

static bool same_host(const sockaddr* found, const SocketAddress& address) {
    if (found->sa_family != address.family()) return false;
    if (found->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, found, sizeof v4);
        return v4.sin_addr.s_addr == address.v4().sin_addr.s_addr;
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, found, sizeof v6);
    return IN6_ARE_ADDR_EQUAL(&v6.sin6_addr, &address.v6().sin6_addr) != 0;
}

static Answer leads_back(const std::string& name, const SocketAddress& address) {
    // Digits are no name, though getaddrinfo(3) would take them for one.
    if (SocketAddress::parse_ip(name, 0)) return Answer::no;
    addrinfo hints{};
    hints.ai_family = address.family();
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found);
    if (error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY) return Answer::no;
    if (error != 0) return Answer::none;
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    for (const addrinfo* item = found; item != nullptr; item = item->ai_next)
        if (same_host(item->ai_addr, address)) return Answer::yes;
    return Answer::no;
}

// Not getnameinfo(3): for that a name server that refuses to answer has said that there is no name,
// and it leaves out the aliases of hosts(5). Of several names in the DNS both tell the first.
static Answer names_of(const SocketAddress& address, std::vector<std::string>& names) {
    const bool v4 = address.family() == AF_INET;
    const void* bytes = v4 ? static_cast<const void*>(&address.v4().sin_addr)
                           : static_cast<const void*>(&address.v6().sin6_addr);
    const socklen_t size = v4 ? sizeof(in_addr) : sizeof(in6_addr);
    std::vector<char> room(4096);
    hostent entry{};
    hostent* found = nullptr;
    int problem = 0;
    int error = 0;
    while ((error = gethostbyaddr_r(bytes, size, address.family(), &entry, room.data(), room.size(),
                                    &found, &problem)) == ERANGE &&
           room.size() < kMostRoom)
        room.resize(room.size() * 2);
    if (error != 0 || found == nullptr)
        return error == 0 && (problem == HOST_NOT_FOUND || problem == NO_DATA) ? Answer::no
                                                                               : Answer::none;
    names.push_back(plain_name(entry.h_name));
    for (char** alias = entry.h_aliases; *alias != nullptr && names.size() < kMostNames; ++alias)
        if (**alias != '\0') names.push_back(plain_name(*alias));
    return Answer::yes;
}

HostNames look_up_host(const SocketAddress& address) {
    const SocketAddress host = address.unmapped();
    std::vector<std::string> claimed;
    const Answer any = names_of(host, claimed);
    if (any == Answer::none) return {};
    HostNames result{.state = HostNames::State::known};
    for (const std::string& name : claimed) {
        const Answer back = leads_back(name, host);
        if (back == Answer::none) return {};
        if (back == Answer::yes) result.names.push_back(name);
    }
    if (result.names.empty() && any == Answer::yes) return {};
    return result;
}

} // namespace inetd
