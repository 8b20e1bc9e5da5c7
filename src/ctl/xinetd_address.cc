#include "ctl/xinetd_address.h"

#include "base/cidr.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <netdb.h>
#include <optional>

namespace inetd::ctl {

using Bytes = std::array<unsigned, 4>;

static std::string network(const Bytes& bytes, unsigned components) {
    const std::string address = fmt::format("{}", fmt::join(bytes, "."));
    return components == 4 ? address : fmt::format("{}/{}", address, 8 * components);
}

static std::optional<unsigned> component(std::string_view text) {
    return to_number<unsigned>(text, 0, 255);
}

// "192.0.2.7", or "192.0.2.0" for a network.
static std::optional<std::string> plain_v4(const std::string& text) {
    const auto pieces = split(text, '.');
    if (pieces.size() != 4) return std::nullopt;
    Bytes bytes{};
    unsigned count = 0;
    for (unsigned i = 0; i < 4; ++i) {
        const auto value = component(pieces[i]);
        if (!value) return std::nullopt;
        bytes[i] = *value;
        if (*value != 0) count = i + 1;
    }
    return network(bytes, count);
}

// "192.0.2.{1,2}", or "192.0.{2,3}" for networks.
static std::optional<std::vector<std::string>> factorized(const std::string& text) {
    const auto open = text.find('{');
    if (open == std::string::npos || open < 2 || text[open - 1] != '.' || !text.ends_with('}'))
        return std::nullopt;
    const auto before = split(std::string_view(text).substr(0, open - 1), '.');
    if (before.size() > 3) return std::nullopt;
    Bytes bytes{};
    for (std::size_t i = 0; i < before.size(); ++i) {
        const auto value = component(before[i]);
        if (!value) return std::nullopt;
        bytes[i] = *value;
    }
    std::vector<std::string> out;
    const auto set = std::string_view(text).substr(open + 1, text.size() - open - 2);
    for (const std::string_view item : split(set, ',')) {
        const auto value = component(item);
        if (!value) return std::nullopt;
        bytes[before.size()] = *value;
        out.push_back(network(bytes, static_cast<unsigned>(before.size()) + 1));
    }
    return out;
}

// networks(5) has the number without the bytes that are not of the network.
static std::optional<std::string> named_network(const std::string& text) {
    const netent* found = getnetbyname(text.c_str());
    if (found == nullptr || found->n_addrtype != AF_INET || found->n_net == 0) return std::nullopt;
    Bytes bytes{};
    unsigned count = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const unsigned value = (found->n_net >> shift) & 0xffU;
        if (value != 0 || count != 0) bytes[count++] = value;
    }
    while (count > 1 && bytes[count - 1] == 0)
        --count;
    return network(bytes, count);
}

static bool is_name(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) {
                           return c == '.' || c == '-' || c == '_' ||
                                  (c < 0x80 && std::isalnum(c) != 0);
                       }) &&
           std::any_of(text.begin(), text.end(),
                       [](unsigned char c) { return std::isalpha(c) != 0; });
}

XinetdAddress xinetd_address(const std::string& text) {
    if (auto address = plain_v4(text)) return {{std::move(*address)}};
    if (text.find('{') != std::string::npos) {
        auto addresses = factorized(text);
        return addresses ? XinetdAddress{std::move(*addresses)} : XinetdAddress{};
    }
    if (text == "::") return {{"::/0"}};
    if (Cidr::parse(text)) return {{text}};
    if (text.find('/') != std::string::npos || text.find(':') != std::string::npos) return {};
    if (text.front() != '.') {
        if (auto found = named_network(text))
            return {{*found}, true, fmt::format("'{}' of networks(5) is {} now", text, *found)};
    }
    if (!is_name(text)) return {};
    return {{text},
            false,
            fmt::format("'{}' has to be confirmed by the address of that name too", text)};
}

} // namespace inetd::ctl
