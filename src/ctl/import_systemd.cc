#include "ctl/import_systemd.h"

#include "base/text.h"
#include "ctl/imported_text.h"
#include "ctl/systemd_service.h"
#include "ctl/text_file.h"
#include "ctl/unit_command.h"
#include "ctl/unit_listen.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <optional>

namespace inetd::ctl {

namespace {

// One ListenStream=, ListenDatagram= or ListenSequentialPacket=.
struct Listen {
    const UnitSetting* setting;
    const char* type; // of inetd.conf
};

class Socket {
  public:
    Socket(const Unit& unit, const Unit* service, Imported& into)
        : unit_(unit),
          service_(service),
          values_(unit, "Socket"),
          into_(into),
          accept_(values_.is_true("Accept")) {}

    void import();

  private:
    std::vector<Listen> listens();
    ImportedService common();
    void add_limits(ImportedService& model);
    void add_rate(ImportedService& model, const std::string& limit);
    void add_options(ImportedService& model);
    void add_tos(ImportedService& model);
    void add_sources(ImportedService& model);
    std::vector<std::string> networks(const char* key);

    const Unit& unit_;
    const Unit* service_;
    UnitValues values_;
    Imported& into_;
    bool accept_;
};

std::vector<Listen> Socket::listens() {
    static constexpr std::array<std::array<const char*, 2>, 3> kKinds{
        {{"ListenStream", "stream"},
         {"ListenDatagram", "dgram"},
         {"ListenSequentialPacket", "seqpacket"}}};
    std::vector<Listen> found;
    for (const auto& [key, type] : kKinds)
        for (const UnitSetting* setting : values_.all(key))
            found.push_back({setting, type});
    return found;
}

void Socket::add_rate(ImportedService& model, const std::string& limit) {
    const UnitSetting* burst = values_.last(limit + "Burst");
    const UnitSetting* interval = values_.last(limit + "IntervalSec");
    if (burst == nullptr) {
        if (interval != nullptr && interval->value != "0")
            note_missing(model, *interval, "there is no limit of starts unless one is set");
        return;
    }
    const auto count = to_number<std::uint64_t>(burst->value, 0, 1'000'000'000);
    const auto time = unit_time(interval == nullptr ? "2s" : interval->value);
    if (!count || !time) return note_error(model, *burst, "no number or no time");
    if (*count == 0 || time->count() == 0) return;
    const auto seconds = static_cast<double>(time->count()) / 1e6;
    const double rate = static_cast<double>(*count) / seconds;
    const auto whole = static_cast<std::uint64_t>(rate);
    const auto a_minute = std::max(static_cast<std::uint64_t>(rate * 60), std::uint64_t{1});
    const bool even = static_cast<double>(whole) == rate && whole > 0;
    model.set("rate",
              string_literal(fmt::format(
                  "{} burst {}",
                  even ? fmt::format("{}/s", whole) : fmt::format("{}/min", a_minute), *count)));
    note_approximate(model, *burst, "clients wait, and the service does not fail");
}

void Socket::add_limits(ImportedService& model) {
    const UnitSetting* most = values_.last("MaxConnections");
    const UnitSetting* of_source = values_.last("MaxConnectionsPerSource");
    if (most != nullptr && accept_) {
        model.set("instances", most->value);
        model.set("overflow", "\"refuse\"");
    }
    if (of_source != nullptr && accept_) model.set("per_source", of_source->value);
    const bool trigger = values_.has("TriggerLimitBurst") || values_.has("TriggerLimitIntervalSec");
    add_rate(model, trigger ? "TriggerLimit" : "PollLimit");
}

void Socket::add_tos(ImportedService& model) {
    const UnitSetting* tos = values_.last("IPTOS");
    if (tos == nullptr) return;
    if (tos->value == "low-delay")
        model.set("tos", "\"lowdelay\"");
    else if (tos->value == "throughput" || tos->value == "reliability")
        model.set("tos", string_literal(tos->value));
    else if (const auto octet = to_number<int>(tos->value, 0, 255); octet && *octet % 4 == 0)
        model.set("tos", tos->value);
    else
        note_missing(model, *tos, "no class of traffic: " + escaped(tos->value));
}

// systemd.resource-control(5) has words for some networks.
std::vector<std::string> Socket::networks(const char* key) {
    std::vector<std::string> all;
    for (const UnitSetting* setting : values_.all(key)) {
        for (const std::string& word : words_of(setting->value)) {
            std::vector<std::string> meant{word};
            if (word == "any") meant = {"0.0.0.0/0", "::/0"};
            if (word == "localhost") meant = {"127.0.0.0/8", "::1"};
            if (word == "link-local") meant = {"169.254.0.0/16", "fe80::/64"};
            if (word == "multicast") meant = {"224.0.0.0/4", "ff00::/8"};
            all.insert(all.end(), meant.begin(), meant.end());
        }
    }
    return all;
}

// There whoever is on both lists may come in, and here the better match wins; so a list of all is
// left out, and with it goes the difference.
void Socket::add_sources(ImportedService& model) {
    const std::vector<std::string> allowed = networks("IPAddressAllow");
    const std::vector<std::string> denied = networks("IPAddressDeny");
    const bool denies_all = values_.text("IPAddressDeny") == "any";
    if (denied.empty()) return;
    if (denies_all && !allowed.empty()) return model.set("only_from", cfg_list(allowed));
    model.set("no_access", cfg_list(denied));
    if (!allowed.empty())
        note_approximate(model, *values_.last("IPAddressAllow"),
                         "who is not denied may come in anyway");
}

void Socket::add_options(ImportedService& model) {
    const auto number = [&](const char* key, const char* ours) {
        if (const UnitSetting* setting = values_.last(key)) model.set(ours, setting->value);
    };
    const auto text = [&](const char* key, const char* ours) {
        if (const UnitSetting* setting = values_.last(key))
            model.set(ours, string_literal(setting->value));
    };
    const auto size = [&](const char* key, const char* ours) {
        const UnitSetting* setting = values_.last(key);
        if (setting == nullptr) return;
        if (const auto bytes = unit_size(setting->value))
            model.set(ours, string_literal(*bytes));
        else
            note_error(model, *setting, "no size: " + escaped(setting->value));
    };
    const auto flag = [&](const char* key, const char* ours) {
        if (values_.is_true(key)) model.set(ours, "true");
    };
    // The kernel's most, which is ours without a word.
    const auto backlog = to_number<std::uint64_t>(values_.text("Backlog"), 0, 1'000'000'000);
    if (backlog) model.set("backlog", std::to_string(*backlog));
    size("SendBuffer", "send_buffer");
    size("ReceiveBuffer", "receive_buffer");
    flag("KeepAlive", "keepalive");
    flag("NoDelay", "nodelay");
    flag("ReusePort", "reuse_port");
    flag("FreeBind", "freebind");
    text("BindToDevice", "bind_to_device");
    number("Mark", "mark");
    if (const UnitSetting* defer = values_.last("DeferAcceptSec")) {
        const auto time = unit_time(defer->value);
        if (time && *time <= std::chrono::hours(1))
            model.set("defer_accept", std::to_string(time->count() / 1'000'000));
        else
            note_error(model, *defer, "not up to an hour: " + escaped(defer->value));
    }
    add_tos(model);
    text("SocketUser", "socket_user");
    text("SocketGroup", "socket_group");
    if (const UnitSetting* mode = values_.last("SocketMode"))
        model.set("socket_mode", fmt::format("\"{:0>4}\"", mode->value));
}

// What all lines of the unit have in common.
ImportedService Socket::common() {
    ImportedService model;
    model.title = unit_.name;
    model.file = unit_.file;
    model.wait = !accept_;
    add_limits(model);
    add_options(model);
    if (accept_ && values_.has("IPAddressDeny")) add_sources(model);
    if (const UnitSetting* denied = accept_ ? nullptr : values_.last("IPAddressDeny")) {
        // Whoever was kept out must not come in because inetd cannot say so.
        model.enabled = false;
        note_missing(model, *denied,
                     "the server of a 'wait' service takes the clients itself: switched off");
    }
    for (const char* asked : {"Accept", "Service", "BindIPv6Only", "SocketProtocol"})
        static_cast<void>(values_.all(asked));
    const UnitSetting* removed = values_.last("RemoveOnStop");
    if (removed != nullptr)
        note_approximate(model, *removed, "inetd removes its unix sockets when it stops");
    note_rest(model, values_, "Socket");
    for (const char* section : {"Unit", "Install"}) {
        UnitValues values(unit_, section);
        for (const char* harmless : {"Description", "Documentation"})
            static_cast<void>(values.all(harmless));
        note_rest(model, values, section);
    }
    if (service_ != nullptr) {
        add_unit_service(*service_, accept_, model);
        return model;
    }
    model.left_out = "there is no unit " + service_of(unit_);
    model.notices.push_back({Notice::Kind::error, unit_.file, 0, {}, model.left_out});
    return model;
}

void Socket::import() {
    const std::vector<Listen> all = listens();
    ImportedService model = common();
    if (all.empty()) {
        model.left_out = "has no socket that inetd could listen on";
        model.program.clear();
        into_.services.push_back(std::move(model));
        return;
    }
    if (all.size() > 1 && !accept_)
        note_approximate(model, *all.front().setting,
                         fmt::format("its {} sockets have a server each", all.size()));
    for (const Listen& listen : all) {
        ImportedService one = model;
        one.line = listen.setting->line;
        one.file = listen.setting->file;
        one.type = listen.type;
        const ExpandedText text = expand_specifiers(listen.setting->value, unit_.name);
        if (!text.unknown.empty() || !set_address(one, text.text, values_)) {
            one.left_out = "no address for inetd.conf: " + escaped(listen.setting->value);
            note_missing(one, *listen.setting, one.left_out);
            one.program.clear();
        }
        drop_what_lacks_effect(one);
        into_.services.push_back(std::move(one));
        model.notices.clear(); // once is enough
    }
}

} // namespace

std::string service_of(const Unit& socket) {
    UnitValues values(socket, "Socket");
    const std::string named = values.text("Service");
    if (!named.empty()) return expand_specifiers(named, socket.name).text;
    const std::string stem = socket.name.substr(0, socket.name.rfind('.'));
    return stem + (values.is_true("Accept") ? "@.service" : ".service");
}

void import_unit(const Unit& socket, const Unit* service, Imported& into) {
    Socket(socket, service, into).import();
}

Imported import_systemd(const std::vector<std::string>& units) {
    Imported imported;
    for (const std::string& name : units) {
        const bool has_type = name.ends_with(".socket") || name.find('/') != std::string::npos;
        const auto socket = load_unit(has_type ? name : name + ".socket");
        if (!socket) {
            imported.notices.push_back({Notice::Kind::error, name, 0, {}, socket.error().text()});
            continue;
        }
        const auto slash = name.rfind('/');
        const std::string near = slash == std::string::npos ? "" : name.substr(0, slash);
        const auto service = load_unit(service_of(*socket), near);
        import_unit(*socket, service ? &*service : nullptr, imported);
    }
    leave_out_clashes(imported);
    return imported;
}

} // namespace inetd::ctl
