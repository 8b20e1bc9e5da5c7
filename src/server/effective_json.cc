#include "server/effective_json.h"

#include "base/text.h"
#include "config/keys.h"
#include "config/ports.h"

#include <array>
#include <cstdlib>
#include <grp.h>
#include <string>
#include <sys/socket.h>

namespace inetd {

using Json = nlohmann::ordered_json;

namespace {

// Counts up when what is described here changes its meaning; keys may be added without.
constexpr int kVersion = 1;

// Of the syntax of libconfig what value_text() writes.
class SettingReader {
  public:
    explicit SettingReader(std::string_view text) : left_(text) {}

    Json whole() {
        Json value = read();
        skip();
        return left_.empty() && !failed_ ? value : Json();
    }

  private:
    void skip() {
        while (!left_.empty() && left_.front() == ' ')
            left_.remove_prefix(1);
    }
    bool take(char c) {
        skip();
        if (left_.empty() || left_.front() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    std::string_view take_until(std::string_view ends) {
        skip();
        const auto taken = left_.substr(0, left_.find_first_of(ends));
        left_.remove_prefix(taken.size());
        return taken;
    }
    Json fail() {
        failed_ = true;
        return {};
    }
    Json read();
    Json text();
    Json list(char end);
    Json group();
    Json word();

    std::string_view left_;
    bool failed_ = false;
};

Json SettingReader::read() {
    if (failed_) return {};
    if (take('"')) return text();
    if (take('[')) return list(']');
    if (take('(')) return list(')');
    if (take('{')) return group();
    return word();
}

Json SettingReader::text() {
    std::string out;
    for (std::size_t i = 0; i < left_.size(); ++i) {
        const char c = left_[i];
        if (c == '"') {
            left_.remove_prefix(i + 1);
            return out;
        }
        if (c == '\\' && left_.substr(i + 1, 1) == "x") {
            out += static_cast<char>(
                std::strtol(std::string(left_.substr(i + 2, 2)).c_str(), nullptr, 16));
            i += 3;
        } else {
            if (c == '\\') ++i;
            if (i < left_.size()) out += left_[i];
        }
    }
    return fail();
}

Json SettingReader::list(char end) {
    Json out = Json::array();
    while (!take(end)) {
        if (left_.empty() || failed_) return fail();
        out.push_back(read());
        static_cast<void>(take(','));
    }
    return out;
}

Json SettingReader::group() {
    Json out = Json::object();
    while (!take('}')) {
        std::string_view name = take_until("=");
        if (!take('=') || failed_) return fail();
        while (name.ends_with(' '))
            name.remove_suffix(1);
        out[std::string(name)] = read();
        static_cast<void>(take(';'));
    }
    return out;
}

Json SettingReader::word() {
    const std::string_view word = take_until(" ,;])}");
    if (word == "true" || word == "false") return word == "true";
    std::string_view digits = word;
    if (digits.ends_with('L')) digits.remove_suffix(1);
    if (const auto number = to_number<std::int64_t>(digits, INT64_MIN, INT64_MAX)) return *number;
    char* end = nullptr;
    const std::string copy(word);
    const double number = std::strtod(copy.c_str(), &end);
    if (copy.empty() || *end != '\0') return fail();
    return number;
}

Json origin_json(const Origin& origin) {
    static constexpr std::array kNames{"built-in", "command line", "daemon",
                                       "defaults", "line",         "services"};
    Json out{{"from", kNames.at(static_cast<std::size_t>(origin.kind))}};
    if (origin.file.empty()) return out;
    out["file"] = origin.file;
    out["line"] = origin.line;
    return out;
}

Json listen_json(const ListenSpec& spec) {
    const SocketAddress& address = spec.address;
    Json out;
    switch (address.family()) {
    case AF_INET:
        out["family"] = "ipv4";
        break;
    case AF_INET6:
        out["family"] = spec.dual_stack ? "ipv4+ipv6" : "ipv6";
        break;
    case AF_UNIX:
        out["family"] = "unix";
        break;
    default:
        out["family"] = "vsock";
    }
    out["address"] = address.host();
    if (address.family() != AF_UNIX) out["port"] = address.port();
    return out;
}

const char* type_name(int type) {
    switch (type) {
    case SOCK_DGRAM:
        return "dgram";
    case SOCK_SEQPACKET:
        return "seqpacket";
    case SOCK_RAW:
        return "raw";
    default:
        return "stream";
    }
}

std::string group_name(gid_t gid) {
    const group* entry = getgrgid(gid);
    return entry == nullptr ? std::to_string(gid) : entry->gr_name;
}

Json program_json(const ServiceConfig& service) {
    if (service.program == nullptr) return {};
    return {{"path", service.program->path}, {"arguments", service.program->argv}};
}

Json service_json(const Draft& draft) {
    const ServiceConfig& service = draft.config;
    Json out{{"name", service.name},
             {"protocol", service.terms->protocol},
             {"type", type_name(service.type())},
             {"wait", service.wait},
             {"enabled", draft.enabled},
             {"file", service.terms->file},
             {"line", service.line},
             {"user", service.terms->account->user},
             {"group", group_name(service.terms->account->gid)}};
    out["builtin"] = service.program == nullptr ? Json(builtin_name(service.builtin)) : Json();
    out["program"] = program_json(service);
    out["listen"] = Json::array();
    for (const ListenSpec& spec : service.listen)
        out["listen"].push_back(listen_json(spec));
    Json settings = Json::object();
    Json origins = Json::object();
    for (std::size_t i = 0; i < service_keys().size(); ++i) {
        const ServiceKey& key = service_keys()[i];
        if (lacks_effect(key.effect, service) != nullptr) continue;
        const std::string name(key.name);
        settings[name] = json_of_setting(value_text(key.type.kind, key.get(draft)));
        origins[name] = origin_json(draft.origins[i]);
    }
    out["settings"] = std::move(settings);
    out["origins"] = std::move(origins);
    return out;
}

} // namespace

Json json_of_setting(std::string_view literal) {
    return SettingReader(literal).whole();
}

Json effective_json(const Loaded& loaded) {
    Json settings = Json::object();
    Json origins = Json::object();
    for (std::size_t i = 0; i < daemon_keys().size(); ++i) {
        const DaemonKey& key = daemon_keys()[i];
        const std::string name(key.name);
        settings[name] = json_of_setting(value_text(key.type.kind, key.get(loaded.daemon)));
        origins[name] = origin_json(loaded.daemon_origins[i]);
    }
    Json services = Json::array();
    for (const Draft& draft : loaded.drafts)
        services.push_back(service_json(draft));
    return {{"version", kVersion},
            {"daemon", {{"settings", std::move(settings)}, {"origins", std::move(origins)}}},
            {"services", std::move(services)}};
}

} // namespace inetd
