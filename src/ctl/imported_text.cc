#include "ctl/imported_text.h"

#include "base/address.h"
#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace inetd::ctl {

static constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789_./:=@%+,^~!?*[]{}-";

std::string conf_word(std::string_view word) {
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos)
        return std::string(word);
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'')
            out += R"('\'')";
        else
            out += c;
    }
    return out + '\'';
}

std::string cfg_list(const std::vector<std::string>& items) {
    std::vector<std::string> literals;
    literals.reserve(items.size());
    for (const std::string& item : items)
        literals.push_back(string_literal(item));
    return fmt::format("[{}]", fmt::join(literals, ", "));
}

static std::string comment(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ') c = '?';
    return "# " + text + "\n";
}

static std::string first_column(const ImportedService& service) {
    if (service.addresses.empty()) return service.name;
    std::vector<std::string> addresses;
    addresses.reserve(service.addresses.size());
    for (const std::string& address : service.addresses)
        addresses.push_back(address.find(':') == std::string::npos ? address
                                                                   : fmt::format("[{}]", address));
    return fmt::format("{}:{}", fmt::join(addresses, ","), service.name);
}

static std::string service_line(const ImportedService& service) {
    std::string out =
        fmt::format("{} {} {} {} {}", conf_word(first_column(service)), service.type,
                    service.protocol, service.wait ? "wait" : "nowait", conf_word(service.user));
    for (const std::string& word : service.program)
        out += " " + conf_word(word);
    return out;
}

static std::string place(const ImportedService& service) {
    std::string out = service.title + ", " + service.file;
    if (service.line != 0) out += fmt::format(":{}", service.line);
    return out;
}

std::string conf_text(const Imported& imported) {
    std::string out;
    for (const Notice& notice : imported.notices)
        out += comment(notice.full({}));
    for (const ImportedService& service : imported.services) {
        out += "\n" + comment(place(service));
        for (const Notice& notice : service.notices)
            out += comment("  " + notice.full({}));
        if (!service.left_out.empty()) out += comment("  left out: " + service.left_out);
        if (service.program.empty()) continue;
        const std::string line = service_line(service);
        out += service.left_out.empty() ? line + "\n" : comment(line);
    }
    return out;
}

// The address that an entry names to be about this line only; empty if it need not or cannot.
static std::string narrowing(const ImportedService& service, const Imported& imported) {
    if (service.protocol == "unix" || service.protocol == "vsock") return {};
    if (!service.addresses.empty()) {
        const bool digits = SocketAddress::parse_ip(service.addresses.front(), 0).has_value();
        return digits ? service.addresses.front() : std::string();
    }
    const auto is_other = [&](const ImportedService& other) {
        return &other != &service && other.left_out.empty() && other.name == service.name &&
               other.protocol == service.protocol;
    };
    const auto& all = imported.services;
    return std::any_of(all.begin(), all.end(), is_other) ? "*" : "";
}

static std::string entry_text(const ImportedService& service, const Imported& imported) {
    std::string name = service.name;
    // "tcpmux/+x" says how it answers and is called tcpmux/x.
    if (name.starts_with("tcpmux/+")) name.erase(name.find('+'), 1);
    std::string out = fmt::format("  {{ name = {}; protocol = {};", string_literal(name),
                                  string_literal(service.protocol));
    const std::string address = narrowing(service, imported);
    if (!address.empty()) out += fmt::format(" address = {};", string_literal(address));
    if (!service.enabled) out += "\n    enabled = false;";
    for (const auto& [key, value] : service.settings)
        out += fmt::format("\n    {} = {};", key, value);
    return out + " }";
}

std::string cfg_text(const Imported& imported) {
    std::string out;
    if (!imported.daemon.empty()) {
        out += "daemon = {\n";
        for (const auto& [key, value] : imported.daemon)
            out += fmt::format("  {} = {};\n", key, value);
        out += "};\n\n";
    }
    std::vector<std::string> entries;
    for (const ImportedService& service : imported.services) {
        if (!service.left_out.empty() || (service.settings.empty() && service.enabled)) continue;
        entries.push_back("  " + comment(place(service)) + entry_text(service, imported));
    }
    if (entries.empty()) return out;
    return out + fmt::format("services = (\n{}\n);\n", fmt::join(entries, ",\n"));
}

std::string notices_text(const Imported& imported) {
    std::string out;
    for (const Notice& notice : imported.notices)
        out += notice.full({}) + "\n";
    for (const ImportedService& service : imported.services)
        for (const Notice& notice : service.notices)
            out += notice.full(service.title) + "\n";
    return out;
}

} // namespace inetd::ctl
