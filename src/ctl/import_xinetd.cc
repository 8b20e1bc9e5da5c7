#include "ctl/import_xinetd.h"

#include "base/address.h"
#include "base/syslog_names.h"
#include "base/text.h"
#include "ctl/xinetd_settings.h"
#include "ctl/xinetd_values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <fmt/core.h>
#include <netdb.h>
#include <optional>

namespace inetd::ctl {

namespace {

constexpr std::array<std::string_view, 5> kBuiltins{"echo", "discard", "chargen", "daytime",
                                                    "time"};

std::optional<unsigned> port_of(const std::string& name, const std::string& protocol) {
    const servent* found = getservbyname(name.c_str(), protocol.c_str());
    if (found == nullptr) return std::nullopt;
    return ntohs(static_cast<std::uint16_t>(found->s_port));
}

// The columns of the line.
class Columns {
  public:
    Columns(const XinetdEntry& entry, const XinetdValues& values, ImportedService& service)
        : entry_(entry), values_(values), service_(service) {}

    void fill() {
        find_kind();
        if (!service_.left_out.empty()) return;
        find_protocol();
        find_name();
        find_user();
        find_program();
    }

  private:
    void find_kind();
    void find_protocol();
    void find_name();
    void find_user();
    void find_program();
    void find_builtin();
    void leave_out(std::string why, Notice::Kind kind, std::string_view attribute) {
        const XinetdValue* at = values_.find(attribute);
        service_.notices.push_back({kind, at != nullptr ? at->file : entry_.file,
                                    at != nullptr ? at->line : entry_.line, std::string(attribute),
                                    why});
        if (service_.left_out.empty()) service_.left_out = std::move(why);
        service_.program.clear();
    }
    void refuse(std::string why, std::string_view attribute) {
        leave_out(std::move(why), Notice::Kind::error, attribute);
    }
    [[nodiscard]] bool is_internal() const {
        return values_.holds("type", "INTERNAL") || is_sensor();
    }
    [[nodiscard]] bool is_sensor() const { return values_.holds("flags", "SENSOR"); }
    [[nodiscard]] bool is_mux() const {
        return values_.holds("type", "TCPMUX") || values_.holds("type", "TCPMUXPLUS");
    }

    const XinetdEntry& entry_;
    const XinetdValues& values_;
    ImportedService& service_;
    std::string transport_; // "tcp", "udp", ...
};

void Columns::find_kind() {
    if (values_.holds("type", "RPC"))
        return leave_out("there are no SunRPC services", Notice::Kind::missing, "type");
    service_.type = values_.word("socket_type");
    transport_ = values_.word("protocol");
    if (service_.type.empty()) service_.type = transport_ == "udp" ? "dgram" : "stream";
    if (transport_.empty()) transport_ = service_.type == "dgram" ? "udp" : "tcp";
    if (values_.find("socket_type") == nullptr && values_.find("protocol") == nullptr)
        return refuse("has neither socket_type nor protocol", {});
    const std::string& wait = values_.word("wait");
    if (wait != "yes" && wait != "no") return refuse("'wait' is neither yes nor no", "wait");
    service_.wait = wait == "yes" && !(is_internal() && service_.type != "dgram");
}

// xinetd opens one socket for IPv6 that takes IPv4 clients as well, unless it is told otherwise.
void Columns::find_protocol() {
    service_.protocol = transport_;
    if (service_.type == "raw" || is_mux()) return;
    const bool wants_v4 = values_.holds("flags", "IPv4") && !values_.holds("flags", "IPv6");
    const bool wants_v6 = values_.word("v6only") == "yes" && !wants_v4;
    const std::string& bind = values_.word("bind");
    if (const auto address = SocketAddress::parse_ip(bind, 0)) {
        const bool v4 = address->family() == AF_INET;
        if (!address->is_wildcard()) service_.addresses = {bind};
        if (v4 || !address->is_wildcard() || wants_v6) {
            service_.protocol += v4 ? "4" : "6";
            return;
        }
    } else if (!bind.empty()) {
        service_.addresses = {bind};
        service_.notices.push_back({Notice::Kind::approximate, values_.find("bind")->file,
                                    values_.find("bind")->line, "bind",
                                    "listens on all addresses of that name, not on the first"});
    }
    if (wants_v4 || wants_v6)
        service_.protocol += wants_v4 ? "4" : "6";
    else if (service_.wait && !is_internal() && bind.empty())
        service_.protocol += "46"; // a server that is lent two sockets would run twice
}

void Columns::find_name() {
    if (is_mux()) {
        const char* plus = values_.holds("type", "TCPMUXPLUS") ? "+" : "";
        service_.name = fmt::format("tcpmux/{}{}", plus, entry_.service);
        return;
    }
    service_.name = entry_.service == "tcpmux-server" ? "tcpmux" : entry_.service;
    if (service_.type == "raw") return;
    const auto known = port_of(service_.name, transport_);
    const std::string& port = values_.word("port");
    if (port.empty()) {
        if (!known)
            refuse(fmt::format("services(5) has no {}/{} and there is no port", service_.name,
                               transport_),
                   {});
        return;
    }
    const auto number = to_number<unsigned>(port, 1, 65535);
    if (!number) return refuse(fmt::format("no port: {}", escaped(port)), "port");
    if (known != number) service_.name = std::to_string(*number);
}

void Columns::find_user() {
    const std::string& user = values_.word("user");
    const std::string& group = values_.word("group");
    if (!user.empty()) service_.user = user;
    if (!group.empty()) {
        service_.user += ":" + group;
    } else if (to_number<unsigned>(user, 0, UINT32_MAX)) {
        service_.user += ":" + user; // as xinetd does, which does not look the number up
    }
    if (user.empty() && !is_internal()) refuse("has no user", {});
}

void Columns::find_program() {
    if (const XinetdValue* target = values_.find("redirect")) {
        const std::string& host = target->words[0];
        service_.program = {"internal", "redirect"};
        if (host.find(':') == std::string::npos)
            service_.program.insert(service_.program.end(), target->words.begin(),
                                    target->words.end());
        else
            service_.program.push_back(fmt::format("[{}]:{}", host, target->words[1]));
        if (transport_ != "tcp") refuse("is relayed, but not TCP", "redirect");
        return;
    }
    if (is_internal()) return find_builtin();
    const std::string& server = values_.word("server");
    if (server.empty()) return refuse("has no server", {});
    service_.program = {server};
    const XinetdValue* arguments = values_.find("server_args");
    if (arguments == nullptr) return;
    if (!values_.holds("flags", "NAMEINARGS"))
        service_.program.push_back(server.substr(server.rfind('/') + 1));
    service_.program.insert(service_.program.end(), arguments->words.begin(),
                            arguments->words.end());
}

void Columns::find_builtin() {
    service_.program = {"internal"};
    if (is_sensor()) {
        service_.program.emplace_back("discard");
        return;
    }
    const std::string& name = entry_.service;
    if (name == "tcpmux" || name == "tcpmux-server") return;
    if (std::find(kBuiltins.begin(), kBuiltins.end(), name) == kBuiltins.end())
        return leave_out(fmt::format("there is no built-in service {}{}", name,
                                     name == "servers" || name == "services"
                                         ? ": 'inetctl list' shows what there is"
                                         : ""),
                         Notice::Kind::missing, "type");
    if (name != service_.name) service_.program.push_back(name);
}

void import_log_type(const XinetdAttribute& said, Imported& into) {
    const auto note = [&](std::string text) {
        into.notices.push_back(
            {Notice::Kind::approximate, said.file, said.line, said.name, std::move(text)});
    };
    const auto& words = said.values;
    if (words.size() >= 2 && words[0] == "FILE") {
        into.daemon.emplace_back("log_target", string_literal(words[1]));
        if (words.size() > 2) note("the file has no limits of size: see logrotate(8)");
        return;
    }
    if (words.size() >= 2 && words[0] == "SYSLOG" && facility_by_name(words[1])) {
        into.daemon.emplace_back("log_target", "\"syslog\"");
        into.daemon.emplace_back("log_facility", string_literal(words[1]));
        if (words.size() > 2 && words[2] != "info")
            note("each message has a level of its own, 'log_level' says from which on");
        return;
    }
    into.notices.push_back({Notice::Kind::error, said.file, said.line, said.name,
                            "neither 'FILE name' nor 'SYSLOG facility'"});
}

// What they say of the daemon, and what is wrong with them; else they are part of each service.
void import_defaults(const std::vector<XinetdAttribute>& defaults, Imported& into) {
    for (const XinetdAttribute& said : defaults)
        if (said.name == "log_type" && into.daemon.empty()) import_log_type(said, into);
    const XinetdValues judged(defaults, into.notices);
}

// What the defaults are to blame for is said once, and not of each service.
void gather_defaults_notices(const std::vector<XinetdAttribute>& defaults, Imported& into) {
    const auto is_of_defaults = [&](const Notice& notice) {
        return std::any_of(defaults.begin(), defaults.end(), [&](const XinetdAttribute& said) {
            return said.file == notice.file && said.line == notice.line;
        });
    };
    for (ImportedService& service : into.services) {
        const auto first =
            std::stable_partition(service.notices.begin(), service.notices.end(),
                                  [&](const Notice& notice) { return !is_of_defaults(notice); });
        for (auto at = first; at != service.notices.end(); ++at)
            if (std::find(into.notices.begin(), into.notices.end(), *at) == into.notices.end())
                into.notices.push_back(*at);
        service.notices.erase(first, service.notices.end());
    }
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_enabled(const XinetdFiles& files, const XinetdValues& values, const std::string& id) {
    if (values.word("disable") == "yes" || values.holds("flags", "DISABLE")) return false;
    const auto enabled = listed(files.defaults, "enabled");
    if (!enabled.empty() && !contains(enabled, id)) return false;
    return !contains(listed(files.defaults, "disabled"), id);
}

} // namespace

Imported import_xinetd(const XinetdFiles& files, bool tcp_wrappers) {
    Imported imported;
    imported.notices = files.notices;
    import_defaults(files.defaults, imported);
    for (const XinetdEntry& entry : files.services) {
        ImportedService service;
        const XinetdValues values(files.defaults, entry, service.notices);
        const std::string& id = values.word("id").empty() ? entry.service : values.word("id");
        service.title = id;
        service.file = entry.file;
        service.line = entry.line;
        service.enabled = is_enabled(files, values, id);
        Columns(entry, values, service).fill();
        if (service.left_out.empty()) add_xinetd_settings(values, tcp_wrappers, service);
        imported.services.push_back(std::move(service));
    }
    gather_defaults_notices(files.defaults, imported);
    leave_out_clashes(imported);
    return imported;
}

} // namespace inetd::ctl
