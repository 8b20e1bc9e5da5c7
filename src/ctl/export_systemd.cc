#include "ctl/export_systemd.h"

#include "ctl/export_settings.h"

#include <algorithm>
#include <cctype>
#include <fmt/core.h>
#include <set>

namespace inetd::ctl {

using nlohmann::json;

std::string unit_word(const std::string& word) {
    std::string out;
    bool plain = !word.empty();
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == '$')
            out += std::string(2, c);
        else if (c == '"' || c == '\\')
            out += {'\\', c};
        else if (byte < ' ' || byte == 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
        if (std::isalnum(byte) == 0 &&
            std::string_view("%$_-./:=@+,").find(c) == std::string_view::npos)
            plain = false;
    }
    return plain ? out : '"' + out + '"';
}

namespace {

class Exporter {
  public:
    Exported run(const json& dump) {
        for (const json& service : dump.at("services"))
            add(service);
        return std::move(exported_);
    }

  private:
    void add(const json& service);
    void add_pair(const json& service, const std::vector<std::string>& listens);
    std::string fresh_name(const json& service);
    void note(const json& service, const std::string& text) {
        exported_.notices.push_back(
            fmt::format("{}:{}: {}/{}: {}", service.at("file").get<std::string>(),
                        service.at("line").get<int>(), service.at("name").get<std::string>(),
                        service.at("protocol").get<std::string>(), text));
    }

    Exported exported_;
    std::set<std::string> names_;
};

bool is(const json& service, const char* key, std::string_view value) {
    return service.at(key).is_string() && service.at(key).get<std::string>() == value;
}

// Why a service has no place among units; empty if it has.
std::string obstacle(const json& service) {
    if (service.at("listen").empty()) return "no counterpart: tcpmux";
    if (is(service, "type", "raw")) return "no counterpart: raw sockets";
    if (is(service, "type", "dgram") && !service.at("wait").get<bool>())
        return "no counterpart: a server for each sender of datagrams";
    if (service.at("builtin").is_string() && !is(service, "builtin", "redirect"))
        return fmt::format("no counterpart: the built-in service {}",
                           service.at("builtin").get<std::string>());
    return {};
}

std::string listen_value(const json& listen) {
    std::string address = listen.at("address");
    const std::string family = listen.at("family");
    if (family == "unix") return address;
    const std::string port = listen.at("port").dump();
    if (family == "vsock") return fmt::format("vsock:{}:{}", address, port);
    if (family == "ipv4") return fmt::format("{}:{}", address, port);
    // Here the interface comes last.
    const auto zone = address.find('%');
    if (zone == std::string::npos) return fmt::format("[{}]:{}", address, port);
    return fmt::format("[{}]:{}{}", address.substr(0, zone), port, address.substr(zone));
}

bool is_any(const json& listen, const char* family) {
    const std::string address = listen.at("address");
    return listen.at("family") == family && (address == "0.0.0.0" || address == "::");
}

// The lines of its sockets; each of the outer ones needs units of its own.
std::vector<std::vector<std::string>> sockets(const json& service) {
    const std::string type = service.at("type");
    const char* key = type == "stream"  ? "ListenStream="
                      : type == "dgram" ? "ListenDatagram="
                                        : "ListenSequentialPacket=";
    const json& all = service.at("listen");
    const bool wait = service.at("wait");
    if (all.size() == 2 && wait && is_any(all[0], "ipv4") && is_any(all[1], "ipv6"))
        return {{key + all[1].at("port").dump(), "BindIPv6Only=both"}};
    std::vector<std::vector<std::string>> out;
    for (const json& listen : all) {
        // A service that is lent its socket takes one only.
        if (out.empty() || wait) out.emplace_back();
        out.back().push_back(key + listen_value(listen));
        const bool dual = listen.at("family") == "ipv4+ipv6";
        if (dual || listen.at("family") == "ipv6")
            out.back().emplace_back(dual ? "BindIPv6Only=both" : "BindIPv6Only=ipv6-only");
    }
    for (auto& lines : out) {
        const std::string protocol = service.at("protocol");
        for (const char* named : {"sctp", "mptcp", "udplite"})
            if (protocol.starts_with(named))
                lines.push_back(std::string("SocketProtocol=") + named);
        std::stable_partition(lines.begin(), lines.end(),
                              [](const std::string& line) { return line.starts_with("Listen"); });
    }
    return out;
}

// "/run/x" alone is not enough: a template's argv[0] follows an "@".
std::string command(const json& service) {
    const std::string path = service.at("program").at("path");
    const std::vector<std::string> arguments = service.at("program").at("arguments");
    std::string out = arguments.front() == path ? unit_word(path) : "@" + unit_word(path);
    for (std::size_t i = arguments.front() == path ? 1 : 0; i < arguments.size(); ++i)
        out += " " + unit_word(arguments[i]);
    return out;
}

// systemd-socket-proxyd(8) is what internal redirect is.
std::string relay_command(ExportedSettings& settings) {
    std::string target = settings.text("redirect");
    const auto blank = target.find(' ');
    if (blank != std::string::npos) {
        const std::string host = target.substr(0, blank);
        const bool bare_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
        target = (bare_v6 ? "[" + host + "]" : host) + ":" + target.substr(blank + 1);
    }
    return "/lib/systemd/systemd-socket-proxyd " + unit_word(target);
}

std::string identity(const json& service) {
    const std::string user = service.at("user");
    const std::string group = service.at("group");
    if (user == "root" && group == "root") return {};
    return fmt::format("User={}\nGroup={}\n", user, group);
}

std::string Exporter::fresh_name(const json& service) {
    std::string stem = "inetd-";
    for (const char c : service.at("name").get<std::string>())
        stem += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' ? c : '-';
    while (stem.find("--") != std::string::npos)
        stem.erase(stem.find("--"), 1);
    std::string name = stem;
    if (names_.contains(name)) name = stem + "-" + service.at("protocol").get<std::string>();
    const std::string base = name;
    for (int number = 2; names_.contains(name); ++number)
        name = fmt::format("{}-{}", base, number);
    names_.insert(name);
    return name;
}

void Exporter::add_pair(const json& service, const std::vector<std::string>& listens) {
    const bool relay = is(service, "builtin", "redirect");
    const bool accept = !service.at("wait").get<bool>() && !relay;
    const std::string name = fresh_name(service);
    ExportedSettings settings(service);
    std::vector<std::string> notes;
    const std::string socket = socket_lines(settings, accept, notes);
    const std::string around = relay ? std::string() : service_lines(settings, accept, notes);
    const std::string run = relay ? relay_command(settings) : command(service);
    const bool fds = relay || settings.is_true("listen_fds");
    static_cast<void>(settings.get("enabled"));
    for (const std::string& left : settings.rest())
        notes.push_back("no counterpart: " + left);
    std::string comments = fmt::format("# From {}:{}\n", service.at("file").get<std::string>(),
                                       service.at("line").get<int>());
    for (const std::string& text : notes) {
        comments += "# " + text + "\n";
        note(service, text);
    }
    const std::string title = fmt::format("{}/{}", service.at("name").get<std::string>(),
                                          service.at("protocol").get<std::string>());
    std::string text = comments + fmt::format("[Unit]\nDescription={} socket\n\n[Socket]\n", title);
    for (const std::string& line : listens)
        text += line + "\n";
    text += fmt::format("Accept={}\n{}\n", accept ? "yes" : "no", socket);
    text += service.at("enabled").get<bool>() ? "[Install]\nWantedBy=sockets.target\n" : "";
    exported_.units.push_back({name + ".socket", text});
    text = comments + fmt::format("[Unit]\nDescription={}\n", title);
    // A session that has failed is none to keep.
    if (accept) text += "CollectMode=inactive-or-failed\n";
    text +=
        fmt::format("\n[Service]\nExecStart={}{}\n", accept ? "-" : "", run) + identity(service);
    if (!fds) text += "StandardInput=socket\n";
    exported_.units.push_back({name + (accept ? "@.service" : ".service"), text + around});
}

void Exporter::add(const json& service) {
    const std::string why = obstacle(service);
    if (!why.empty()) return note(service, why);
    if (!service.at("enabled").get<bool>())
        note(service, "is switched off: its socket unit is not to be enabled");
    const auto all = sockets(service);
    if (all.size() > 1)
        note(service, fmt::format("has {} pairs of units, one for each address", all.size()));
    // The relay takes all sockets of its unit.
    for (const auto& listens : all)
        add_pair(service, listens);
}

} // namespace

Exported export_systemd(const json& dump) {
    return Exporter().run(dump);
}

} // namespace inetd::ctl
