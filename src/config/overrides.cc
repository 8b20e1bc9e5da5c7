#include "config/overrides.h"

#include "config/files.h"
#include "config/path_values.h"
#include "config/rooted_path.h"

#include <algorithm>
#include <cerrno>
#include <fmt/core.h>

namespace inetd {

Overrides::Overrides(const LoadOptions& options, Diagnostics& sink) : sink_(sink) {
    start(options);
    if (options.settings.empty()) return;
    auto file = read_file(options.settings, false);
    if (file) {
        if (auto warning = writable_warning(options.settings, *file)) sink_.push_back(*warning);
        read(options.settings, std::move(file->text));
    } else if (options.settings_required || file.error().code != ENOENT) {
        Diagnostic diagnostic;
        diagnostic.file = options.settings;
        diagnostic.text = "cannot " + file.error().text();
        sink_.push_back(std::move(diagnostic));
        spoiled_ = true;
    }
}

Overrides::Overrides(const LoadOptions& options, Diagnostics& sink, const std::string& text)
    : sink_(sink) {
    start(options);
    read(options.settings, text);
}

void Overrides::start(const LoadOptions& options) {
    base_.config.terms = nullptr;
    given_ = options.given;
    daemon_ = options.daemon;
    base_.terms.limits = options.default_limits;
    base_.terms.socket.backlog = options.default_backlog;
    base_.terms.idle_timeout = daemon_.idle_timeout;
    base_.origins.resize(service_keys().size());
    daemon_origins_.resize(daemon_keys().size());
    for (const std::string_view name : given_) {
        if (const auto index = find_key(service_keys(), name))
            base_.origins[*index].kind = Origin::Kind::command_line;
        if (const auto index = find_key(daemon_keys(), name))
            daemon_origins_[*index].kind = Origin::Kind::command_line;
    }
}

template<typename Target>
static std::vector<std::string_view> names_of(std::span<const Key<Target>> keys) {
    std::vector<std::string_view> names;
    for (const auto& key : keys)
        names.push_back(key.name);
    return names;
}

static void unknown_key(const Setting& member, const std::vector<std::string_view>& candidates,
                        const std::string& elsewhere = {}) {
    member.error(fmt::format("unknown key {}", quoted(member.name)),
                 elsewhere.empty() ? suggestion(member.name, candidates) : elsewhere);
}

static void unknown_group(const Setting& member) {
    std::string elsewhere;
    if (find_key(service_keys(), member.name)) elsewhere = "it belongs in 'defaults'";
    if (find_key(daemon_keys(), member.name)) elsewhere = "it belongs in 'daemon'";
    unknown_key(member, {"daemon", "defaults", "services"}, elsewhere);
}

static bool is_group(const Setting& setting, const char* example) {
    if (setting.group() != nullptr) return true;
    setting.error(fmt::format("'{}' is a group", setting.name), fmt::format("write {}", example));
    return false;
}

static Origin origin_of(Origin::Kind kind, const Setting& setting) {
    return {kind, setting.source->name(), setting.line};
}

void Overrides::read(const std::string& name, std::string text) {
    const auto errors = [this] {
        return std::count_if(sink_.begin(), sink_.end(), [](const Diagnostic& diagnostic) {
            return diagnostic.severity == Diagnostic::Severity::error;
        });
    };
    const auto before = errors();
    file_.emplace(name, std::move(text), sink_);
    const Setting* daemon = nullptr;
    const Setting* defaults = nullptr;
    const Setting* services = nullptr;
    for (const Setting& member : file_->root().group()->members) {
        if (member.name == "daemon")
            daemon = &member;
        else if (member.name == "defaults")
            defaults = &member;
        else if (member.name == "services")
            services = &member;
        else
            unknown_group(member);
    }
    if (daemon != nullptr) read_daemon(*daemon);
    // That of all services of which nobody says more.
    base_.terms.idle_timeout = daemon_.idle_timeout;
    note_origin(base_, "idle_timeout", daemon_origins_[*find_key(daemon_keys(), "idle_timeout")]);
    if (defaults != nullptr) read_defaults(*defaults);
    // An error in an entry concerns its services alone.
    spoiled_ = errors() != before;
    if (services != nullptr) read_entries(*services);
}

void Overrides::read_daemon(const Setting& group) {
    if (!is_group(group, "daemon = { log_connections = true; }")) return;
    for (const Setting& member : group.group()->members) {
        const auto index = find_key(daemon_keys(), member.name);
        if (!index) {
            unknown_key(member, names_of(daemon_keys()),
                        find_key(service_keys(), member.name) ? "it belongs in 'defaults'" : "");
            continue;
        }
        const DaemonKey& key = daemon_keys()[*index];
        const auto value = read_value(key.type, member);
        // Who types an option wants it now.
        if (!value || std::find(given_.begin(), given_.end(), key.name) != given_.end()) continue;
        key.set(daemon_, *value);
        daemon_origins_[*index] = origin_of(Origin::Kind::daemon, member);
    }
}

bool Overrides::read_assignment(const Setting& member, std::vector<Assignment>& assignments) {
    const auto index = find_key(service_keys(), member.name);
    if (!index) {
        unknown_key(member, names_of(service_keys()),
                    find_key(daemon_keys(), member.name) ? "it belongs in 'daemon'" : "");
        return false;
    }
    auto value = read_value(service_keys()[*index].type, member);
    if (value)
        assignments.push_back({.key = *index, .value = std::move(*value), .setting = &member});
    return value.has_value();
}

void Overrides::warn_contradiction(const Limits& limits, const Setting* at,
                                   const std::string& whose) {
    if (at == nullptr || limits.instances == 0 || limits.per_source <= limits.instances) return;
    at->warning(fmt::format("'per_source' ({}) is more than 'instances' ({}){}", limits.per_source,
                            limits.instances, whose),
                "one client alone reaches 'instances' first");
}

bool Overrides::is_about_places(std::string_view key) {
    return key == "directory" || key == "chroot" || key == "landlock";
}

// `at` is a setting of that kind, or null.
bool Overrides::check_places(const Surroundings& around, const Setting* at) {
    if (at == nullptr) return true;
    const std::string& root = around.confinement.root;
    bool good = true;
    const auto judge = [&](const char* key, const std::string& problem) {
        if (!problem.empty()) at->error(fmt::format("'{}': {}", key, problem));
        good = good && problem.empty();
    };
    if (!around.directory.empty()) judge("directory", directory_problem(root, around.directory));
    judge("landlock", path_rights_problem(root, around.confinement.landlock));
    return good;
}

void Overrides::read_defaults(const Setting& group) {
    if (!is_group(group, "defaults = { instances = 100; }")) return;
    std::vector<Assignment> assignments;
    const Setting* limit = nullptr;
    const Setting* place = nullptr;
    for (const Setting& member : group.group()->members) {
        (void)read_assignment(member, assignments);
        if (member.name == "per_source" || (member.name == "instances" && limit == nullptr))
            limit = &member;
        if (is_about_places(member.name)) place = &member;
    }
    for (const Assignment& assignment : assignments) {
        const ServiceKey& key = service_keys()[assignment.key];
        key.set(base_, assignment.value);
        if (key.name == "redirect") base_.redirect_at = assignment.setting;
        note_origin(base_, key.name, origin_of(Origin::Kind::defaults, *assignment.setting));
    }
    warn_contradiction(base_.terms.limits, limit, "");
    (void)check_places(base_.surroundings, place);
}

void Overrides::read_entries(const Setting& setting) {
    const Setting::List* list = setting.list();
    if (list == nullptr) {
        setting.error("'services' is a list of groups",
                      "write services = ( { name = \"ftp\"; instances = 10; } );");
        spoiled_ = true;
        return;
    }
    for (const Setting& item : list->items)
        read_entry(item);
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.rank() < b.rank(); });
    for (std::size_t i = 0; i < entries_.size(); ++i)
        by_name_.emplace(entries_[i].name, i);
}

// False if the member is none of these three.
bool Overrides::read_identity(const Setting& member, Entry& entry) {
    std::string* place = nullptr;
    if (member.name == "name") place = &entry.name;
    if (member.name == "protocol") place = &entry.protocol;
    if (member.name == "address") place = &entry.address;
    if (place == nullptr) return false;
    const auto* text = std::get_if<std::string>(&member.value);
    if (text == nullptr || text->empty()) {
        member.error(fmt::format("'{}' takes a string", member.name));
        entry.good = false;
        return true;
    }
    *place = *text;
    if (member.name != "address" || *text == "*") return true;
    const auto address = SocketAddress::parse_ip(*text, 0);
    if (address) {
        entry.address = address->host();
        return true;
    }
    member.error(fmt::format("{} is not an address", quoted(*text)),
                 "write it in digits, or \"*\" for a service on all addresses");
    entry.address.clear(); // whichever of that name it is about must not run without it
    entry.good = false;
    return true;
}

void Overrides::read_entry(const Setting& setting) {
    if (setting.group() == nullptr) {
        setting.error("an entry of 'services' is a group", "write { name = \"ftp\"; ... }");
        spoiled_ = true;
        return;
    }
    Entry entry;
    entry.setting = &setting;
    for (const Setting& member : setting.group()->members)
        if (!read_identity(member, entry) && !read_assignment(member, entry.assignments))
            entry.good = false;
    if (entry.name.empty()) {
        // Nobody knows which service must not run without it.
        if (entry.good) setting.error("this entry of 'services' has no 'name'");
        spoiled_ = true;
        return;
    }
    for (const Entry& other : entries_) {
        if (other.text() != entry.text()) continue;
        setting.error(fmt::format("{} is a duplicate of {}:{}", entry.text(),
                                  other.setting->source->name(), other.setting->line));
        entry.good = false;
        break;
    }
    entries_.push_back(std::move(entry));
}

} // namespace inetd
