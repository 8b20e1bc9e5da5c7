#include "ctl/xinetd_access.h"

#include "base/text.h"
#include "ctl/imported_text.h"
#include "ctl/xinetd_address.h"
#include "ctl/xinetd_notes.h"

#include <fmt/core.h>

namespace inetd::ctl {

namespace {

class Access : XinetdNotes {
  public:
    Access(const XinetdValues& values, bool tcp_wrappers, ImportedService& service)
        : XinetdNotes(values, service), tcp_wrappers_(tcp_wrappers) {}

    void add();

  private:
    void add_addresses(const char* key);
    std::vector<std::string> address_entries(const char* key, const std::string& word);
    bool cannot_ask(std::string_view attribute, std::string_view why);
    // Whether inetd sees none of the clients, as of a server that accepts connections itself.
    [[nodiscard]] bool sees_nobody() const {
        return service_.wait && !is_internal() && service_.type != "dgram";
    }
    // The same, and then that is said.
    bool is_lent(std::string_view attribute);
    void add_load();
    void add_wrappers();

    bool tcp_wrappers_;
};

bool Access::cannot_ask(std::string_view attribute, std::string_view why) {
    // Whoever was kept out must not come in because inetd cannot say so.
    service_.enabled = false;
    missing(attribute, fmt::format("{}: switched off", why));
    return true;
}

bool Access::is_lent(std::string_view attribute) {
    if (!sees_nobody()) return false;
    return cannot_ask(attribute, "the server of a 'wait' service takes the clients itself");
}

// Nothing, and said, if it is no address, or not one that is known of a datagram.
std::vector<std::string> Access::address_entries(const char* key, const std::string& word) {
    XinetdAddress address = xinetd_address(word);
    if (address.entries.empty()) {
        service_.enabled = false; // as xinetd does, for who knows whom it would let in
        error(key, fmt::format("no address: {}: switched off", escaped(word)));
        return {};
    }
    if (!is_stream() && !address.is_network) {
        cannot_ask(key, fmt::format("of datagrams the address alone is known, and not {}", word));
        return {};
    }
    if (!address.remark.empty()) approximate(key, address.remark);
    return std::move(address.entries);
}

void Access::add_addresses(const char* key) {
    const XinetdValue* value = values_.find(key);
    if (value == nullptr || is_lent(key)) return;
    std::vector<std::string> entries;
    for (const std::string& word : value->words)
        for (std::string& entry : address_entries(key, word))
            entries.push_back(std::move(entry));
    // There as here, a list of nobody is nobody.
    if (!entries.empty() || std::string_view(key) == "only_from")
        service_.set(key, cfg_list(entries));
}

void Access::add_load() {
    const std::string& load = values_.word("max_load");
    if (load.empty()) return;
    if (sees_nobody())
        missing("max_load", "the server of a 'wait' service takes the clients itself");
    else if (load.find_first_not_of("0123456789.") != std::string::npos)
        error("max_load", fmt::format("no number: {}", escaped(load)));
    else
        service_.set("max_load", fmt::format("{}{}{}", load.starts_with('.') ? "0" : "", load,
                                             load.find('.') == std::string::npos ? ".0" : ""));
}

// xinetd asks for each service, unless told otherwise, in the name of its server.
void Access::add_wrappers() {
    const std::string& chosen = values_.word("libwrap");
    if (values_.holds("flags", "NOLIBWRAP") || (chosen.empty() && !tcp_wrappers_)) return;
    if (is_lent("libwrap")) return;
    if (!is_stream()) {
        cannot_ask("libwrap", "hosts_access(5) is for connections only");
        return;
    }
    service_.set("libwrap", "true");
    const auto& program = service_.program;
    std::string ours = service_.name;
    if (!is_internal()) {
        const std::string& name = program.size() > 1 ? program[1] : program[0];
        ours = name.substr(name.rfind('/') + 1);
    }
    const std::string theirs = !chosen.empty() ? chosen : is_internal() ? service_.title : ours;
    if (ours != theirs)
        approximate("libwrap",
                    fmt::format("hosts_access(5) is asked for {}, and not for {}", ours, theirs));
}

void Access::add() {
    add_addresses("only_from");
    add_addresses("no_access");
    const XinetdValue* times = values_.find("access_times");
    if (times != nullptr && !is_lent("access_times"))
        service_.set("access_times", cfg_list(times->words));
    add_load();
    add_wrappers();
}

} // namespace

void add_xinetd_access(const XinetdValues& values, bool tcp_wrappers, ImportedService& service) {
    Access(values, tcp_wrappers, service).add();
}

} // namespace inetd::ctl
