#include "config/daemon_user.h"

#include "base/text.h"
#include "config/accounts.h"
#include "config/keys.h"

#include <fmt/core.h>
#include <unistd.h>

namespace inetd {

static void report(Loaded& loaded, const std::string& file, int line, std::string text,
                   std::string hint = {}) {
    Diagnostic diagnostic;
    diagnostic.file = file;
    diagnostic.line = line;
    diagnostic.text = std::move(text);
    diagnostic.hint = std::move(hint);
    loaded.diagnostics.push_back(std::move(diagnostic));
}

void apply_daemon_user(Loaded& loaded) {
    const uid_t user = loaded.daemon.user;
    if (user == static_cast<uid_t>(-1)) return;
    const Origin& origin = loaded.daemon_origins[*find_key(daemon_keys(), "user")];
    const auto refuse = [&](std::string text, std::string hint) {
        report(loaded, origin.file, origin.line, std::move(text), std::move(hint));
        // Not as root, as which nobody wants them.
        loaded.services.clear();
    };
    if (user == 0) return refuse("'user': that is root, which inetd is to cease to be", {});
    if (geteuid() != 0 && geteuid() != user)
        return refuse("'user': only root can become another user", {});
    Accounts accounts;
    const auto& found = accounts.find(std::to_string(user));
    if (!found.found()) return refuse("'user': " + found.problem, {});
    loaded.daemon.account = found.value;
    std::erase_if(loaded.services, [&](const ServiceConfigPtr& config) {
        if (!config->program) return false;
        report(loaded, config->terms->file, config->line,
               fmt::format("{} starts a program, and as {} inetd starts none", config->name,
                           quoted(found.value->user)),
               fmt::format("'user' at {}:{} is for built-in services alone", origin.file,
                           origin.line));
        return true;
    });
}

} // namespace inetd
