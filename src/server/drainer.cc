#include "server/drainer.h"

#include "control/descriptions.h"
#include "log/log.h"

#include <utility>

namespace inetd {

void Drainer::begin(const control::Responder& responder, bool stop) {
    for (Service& service : roster_.services())
        if (service.hold != Hold::disabled) roster_.hold(service, Hold::drained);
    stops_ = stops_ || stop;
    const std::size_t running = running_();
    log::notice("drained: nobody new is served; {} still running", running);
    if (running == 0 || !responder.more()) {
        responder.reply({{"running", running}});
    } else {
        responder.reply_and_go_on({{"running", running}});
        waiting_.push_back(responder);
    }
    told_ = running;
}

void Drainer::look() {
    if (waiting_.empty() && !stops_) return;
    if (!roster_.drained()) {
        for (const control::Responder& responder : std::exchange(waiting_, {}))
            responder.fail(control::kNotNow, {{"reason", "services were resumed or reloaded"}});
        stops_ = false;
        return;
    }
    const std::size_t running = running_();
    if (running != 0 && running == told_) return;
    told_ = running;
    std::erase_if(waiting_, [](const auto& responder) { return !responder.alive(); });
    for (const control::Responder& responder : waiting_) {
        if (running == 0) {
            responder.reply({{"running", 0}});
        } else if (responder.has_room()) {
            responder.reply_and_go_on({{"running", running}});
        }
    }
    if (running != 0) return;
    waiting_.clear();
    if (std::exchange(stops_, false)) stop_();
}

} // namespace inetd
