#include "server/kills.h"

#include "log/log.h"
#include "process/children.h"

#include <csignal>

namespace inetd {

void Kills::end(const std::vector<pid_t>& pids, Duration patience) {
    forget_the_ended();
    for (const pid_t pid : pids) {
        signal_child(pid, SIGTERM);
        resume(pid, Clock::now() + patience);
    }
}

void Kills::resume(pid_t pid, TimePoint at) {
    const TimePoint started = launcher_.child(pid)->started;
    pending_[pid] = {at, started,
                     loop_.after(at - Clock::now(), [this, pid, started] { kill(pid, started); })};
}

std::optional<TimePoint> Kills::time_of(pid_t pid) const {
    const auto found = pending_.find(pid);
    const Launcher::Child* child = launcher_.child(pid);
    if (found == pending_.end() || child == nullptr || child->started != found->second.started)
        return std::nullopt;
    return found->second.at;
}

// The pid may be another server's by now; one that has been reaped is nobody's.
void Kills::kill(pid_t pid, TimePoint started) {
    const Launcher::Child* child = launcher_.child(pid);
    const auto node = pending_.extract(pid); // holds what runs here until the end
    if (child == nullptr || child->started != started) return;
    log::notice({.service = child->config->name, .peer = &child->peer, .pid = pid},
                "{}: pid {} goes on: sending SIGKILL", child->config->name, pid);
    signal_child(pid, SIGKILL);
}

void Kills::forget_the_ended() {
    std::erase_if(pending_, [this](const auto& item) { return !launcher_.has(item.first); });
}

} // namespace inetd
