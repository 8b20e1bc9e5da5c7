#include "server/privilege_needs.h"

#include "process/privilege.h"
#include "server/socket_keeper.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <linux/capability.h>
#include <string_view>
#include <unistd.h>

namespace inetd {

namespace {

using Facts = PrivilegeFacts;
using Test = bool (*)(const ServiceConfig&, const Facts&);

constexpr auto kNobody = static_cast<uid_t>(-1); // chown(2): as it is

bool any_socket(const ServiceConfig& config, bool (*test)(const ListenSpec&, const Facts&),
                const Facts& facts) {
    return std::any_of(config.listen.begin(), config.listen.end(),
                       [&](const ListenSpec& spec) { return test(spec, facts); });
}

const Confinement& confinement_of(const ServiceConfig& config) {
    return config.terms->surroundings->confinement;
}

bool has_low_port(const ListenSpec& spec, const Facts& facts) {
    constexpr std::uint32_t kFirstOfVsock = 1024; // which no setting changes, vsock(7)
    const auto first = spec.address.is_ip() ? facts.first_free_port : kFirstOfVsock;
    return spec.address.port() != 0 && spec.address.port() < first;
}

bool changes_user(const ServiceConfig& config, const Facts& facts) {
    return config.program && config.terms->account->uid != facts.own.uid;
}

bool changes_groups(const ServiceConfig& config, const Facts& facts) {
    return config.program && !is_same_identity(facts.own, *config.terms->account);
}

bool asks_resolver(const ServiceConfig& config, const Facts& facts) {
    const auto has_name = [](const AccessEntries& entries) {
        return entries &&
               std::any_of(entries->begin(), entries->end(), [](const AccessEntry& entry) {
                   return entry.kind == AccessEntry::Kind::host ||
                          entry.kind == AccessEntry::Kind::domain;
               });
    };
    return facts.own.uid == 0 &&
           (config.terms->access.libwrap || has_name(config.terms->access.only_from) ||
            has_name(config.terms->access.no_access));
}

bool needs_parser_as_nobody(const ServiceConfig& config, const Facts& facts) {
    const auto tells_user = [](const std::optional<LogWords>& words) {
        return words && words->has(LogWord::userid);
    };
    return facts.own.uid == 0 && !facts.can_filter_calls &&
           (config.terms->proxy_protocol || config.builtin == Builtin::auth ||
            config.builtin == Builtin::metrics || config.builtin == Builtin::tcpmux ||
            tells_user(config.terms->log_on_success) || tells_user(config.terms->log_on_failure));
}

bool is_other_owner(const ServiceConfig& config, const Facts& facts) {
    return config.terms->socket.owner != kNobody && config.terms->socket.owner != facts.own.uid;
}

bool is_other_group(const ServiceConfig& config, const Facts& facts) {
    const gid_t group = config.terms->socket.group;
    const auto& groups = facts.own.groups;
    return group != kNobody && group != facts.own.gid &&
           std::find(groups.begin(), groups.end(), group) == groups.end();
}

bool exceeds_limits(const ServiceConfig& config, const Facts& facts) {
    const auto& limits = confinement_of(config).rlimits;
    return std::any_of(limits.begin(), limits.end(), [&](const ResourceLimit& limit) {
        return limit.hard > facts.hard_limit(limit.resource);
    });
}

// A file that is to be opened for writing, and made if it is not there.
bool is_closed_file(const std::string& path, const Facts& facts) {
    if (!path.starts_with('/')) return false;
    const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    return facts.is_closed(path, W_OK) || facts.is_closed(directory, W_OK | X_OK);
}

// What is opened for a server before it is its user, or as the daemon's own user.
bool has_closed_paths(const ServiceConfig& config, const Facts& facts) {
    const auto closed = [&](const std::string& path, int mode) {
        return !path.empty() && facts.is_closed(path, mode);
    };
    if (closed(config.terms->file.starts_with('/') ? config.terms->file : "", R_OK)) return true;
    for (const auto& banner :
         {config.terms->banner, config.terms->banner_success, config.terms->banner_fail})
        if (banner && closed(banner->path, R_OK)) return true;
    for (const ListenSpec& spec : config.listen)
        if (is_closed_file(spec.address.unix_file(), facts)) return true;
    if (!config.program) return false;
    if (is_closed_file(config.terms->surroundings->errors, facts)) return true;
    const Confinement& confinement = confinement_of(config);
    const std::string& root = confinement.root;
    if (closed(root, X_OK)) return true;
    for (const auto* list : {&confinement.landlock.read_only, &confinement.landlock.read_write})
        for (const std::string& path : *list)
            if (closed(root + path, F_OK)) return true;
    if (changes_user(config, facts)) return false;
    const std::string& directory = config.terms->surroundings->directory;
    return closed(root + config.program->path, X_OK) ||
           closed(directory.empty() ? directory : root + directory, X_OK);
}

struct Rule {
    int capability;
    std::string_view reason;
    Test test;
};

// In the order of the numbers; docs/SECURITY.md has the same in words.
constexpr std::array kRules{
    Rule{CAP_CHOWN, "the owner of its socket", is_other_owner},
    Rule{CAP_CHOWN, "the group of its socket", is_other_group},
    Rule{CAP_DAC_OVERRIDE, "files that are others'", has_closed_paths},
    Rule{CAP_FOWNER, "the mode of its socket, which is another's", is_other_owner},
    Rule{CAP_KILL, "servers that are others' processes, or become that",
         [](const ServiceConfig& config, const Facts& facts) {
             return config.program && (facts.own.uid == 0 || changes_user(config, facts));
         }},
    Rule{CAP_KILL, "look-ups of names that hang", asks_resolver},
    Rule{CAP_KILL, "a parser that hangs", needs_parser_as_nobody},
    Rule{CAP_SETGID, "the groups of its servers", changes_groups},
    Rule{CAP_SETGID, "names of clients, looked up by nobody", asks_resolver},
    Rule{CAP_SETGID, "what clients send, parsed by nobody", needs_parser_as_nobody},
    Rule{CAP_SETUID, "the user of its servers", changes_user},
    Rule{CAP_SETUID, "names of clients, looked up by nobody", asks_resolver},
    Rule{CAP_SETUID, "what clients send, parsed by nobody", needs_parser_as_nobody},
    Rule{CAP_SETPCAP, "capabilities",
         [](const ServiceConfig& config, const Facts&) {
             return config.program && confinement_of(config).capabilities.has_value();
         }},
    Rule{CAP_NET_BIND_SERVICE, "a low port",
         [](const ServiceConfig& config, const Facts& facts) {
             return any_socket(config, has_low_port, facts);
         }},
    Rule{CAP_NET_ADMIN, "mark",
         [](const ServiceConfig& config, const Facts&) { return config.terms->socket.mark != 0; }},
    Rule{CAP_NET_ADMIN, "a buffer above the system's limit",
         [](const ServiceConfig& config, const Facts& facts) {
             return std::max(config.terms->socket.send_buffer,
                             config.terms->socket.receive_buffer) > facts.most_buffer;
         }},
    Rule{CAP_NET_ADMIN, "private_network",
         [](const ServiceConfig& config, const Facts&) {
             return config.program && confinement_of(config).private_network;
         }},
    Rule{CAP_NET_RAW, "bind_to_device",
         [](const ServiceConfig& config, const Facts&) {
             return !config.terms->socket.device.empty();
         }},
    Rule{CAP_NET_RAW, "a raw socket",
         [](const ServiceConfig& config, const Facts&) { return config.type() == SOCK_RAW; }},
    Rule{CAP_NET_RAW, "datagrams, given to a server each",
         [](const ServiceConfig& config, const Facts&) {
             return std::any_of(config.listen.begin(), config.listen.end(),
                                [&](const ListenSpec& spec) { return splits(config, spec); });
         }},
    Rule{CAP_SYS_CHROOT, "chroot",
         [](const ServiceConfig& config, const Facts&) {
             return config.program && !confinement_of(config).root.empty();
         }},
    Rule{CAP_SYS_ADMIN, "private_network",
         [](const ServiceConfig& config, const Facts&) {
             return config.program && confinement_of(config).private_network;
         }},
    Rule{CAP_SYS_NICE, "nice",
         [](const ServiceConfig& config, const Facts& facts) {
             return config.program &&
                    config.terms->surroundings->nice.value_or(facts.nice) < facts.nice;
         }},
    Rule{CAP_SYS_NICE, "ionice",
         [](const ServiceConfig& config, const Facts&) {
             return config.program &&
                    confinement_of(config).io_priority.value_or(0) >> kIoClassShift == kIoRealtime;
         }},
    Rule{CAP_SYS_RESOURCE, "rlimits",
         [](const ServiceConfig& config, const Facts& facts) {
             return config.program && exceeds_limits(config, facts);
         }},
};

// execve(2) gives a root that may gain nothing what the daemon has, so that must be everything.
bool hands_on_everything(const ServiceConfig& config) {
    const Confinement& confinement = confinement_of(config);
    return config.program && config.terms->account->uid == 0 && !confinement.capabilities &&
           (confinement.no_new_privileges || !confinement.landlock.empty());
}

class Needs {
  public:
    void add(int capability, const std::string& reason) {
        std::string& first = reasons_[static_cast<std::size_t>(capability)];
        if (first.empty()) first = reason;
    }
    void add(CapabilitySet set, const std::string& reason) {
        for (std::size_t i = 0; i < reasons_.size(); ++i)
            if ((set.mask >> i & 1U) != 0) add(static_cast<int>(i), reason);
    }
    [[nodiscard]] std::vector<Need> all() const {
        std::vector<Need> needs;
        for (std::size_t i = 0; i < reasons_.size(); ++i)
            if (!reasons_[i].empty()) needs.push_back({static_cast<int>(i), reasons_[i]});
        return needs;
    }

  private:
    std::array<std::string, 64> reasons_;
};

void add_service(Needs& needs, const ServiceConfig& config, const Facts& facts) {
    const auto reason = [&](std::string_view what) {
        return fmt::format("{}: {}", config.name, what);
    };
    for (const Rule& rule : kRules)
        if (rule.test(config, facts)) needs.add(rule.capability, reason(rule.reason));
    if (hands_on_everything(config))
        needs.add(CapabilitySet{~std::uint64_t{0}}, reason("root with no_new_privs"));
    const auto& given = confinement_of(config).capabilities;
    if (config.program && given) needs.add(*given, reason("capabilities"));
}

void add_daemon(Needs& needs, const DaemonSettings& settings, const Facts& facts) {
    const auto own = facts.own.groups;
    if (settings.control_group != kNobody && settings.control_group != facts.own.gid &&
        std::find(own.begin(), own.end(), settings.control_group) == own.end())
        needs.add(CAP_CHOWN, "control_group");
    if (is_closed_file(settings.control, facts)) needs.add(CAP_DAC_OVERRIDE, "control");
    if (is_closed_file(settings.log_target, facts)) needs.add(CAP_DAC_OVERRIDE, "log_target");
    if (is_closed_file(settings.dump_file, facts)) needs.add(CAP_DAC_OVERRIDE, "dump_file");
    for (const std::string& file : facts.files)
        if (facts.is_closed(file, R_OK)) needs.add(CAP_DAC_OVERRIDE, file);
    if (facts.has_servers && facts.own.uid == 0) needs.add(CAP_KILL, "servers that run");
}

} // namespace

std::vector<Need> privilege_needs(const DaemonSettings& settings,
                                  const std::vector<ServiceConfigPtr>& services,
                                  const PrivilegeFacts& facts) {
    Needs needs;
    for (const ServiceConfigPtr& config : services)
        add_service(needs, *config, facts);
    add_daemon(needs, settings, facts);
    return needs.all();
}

CapabilitySet capabilities_of(const std::vector<Need>& needs) {
    CapabilitySet set;
    for (const Need& need : needs)
        set.mask |= std::uint64_t{1} << static_cast<unsigned>(need.capability);
    return set;
}

} // namespace inetd
