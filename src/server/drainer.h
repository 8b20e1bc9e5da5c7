#pragma once

#include "control/responder.h"
#include "server/roster.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace inetd {

// Serves nobody new, and tells whoever has asked for it how the rest comes to its end.
class Drainer {
  public:
    // `stop` is called when nobody is served any more, if that was asked for.
    Drainer(Roster& roster, std::function<std::size_t()> running, std::function<void()> stop)
        : roster_(roster), running_(std::move(running)), stop_(std::move(stop)) {}

    void begin(const control::Responder& responder, bool stop);
    // At the end of each round of the loop.
    void look();
    // For a daemon after us: whether it is to stop, and that it is. Who waits here asks again.
    [[nodiscard]] bool stops() const { return stops_; }
    void resume(bool stops) { stops_ = stops; }

  private:
    Roster& roster_;
    std::function<std::size_t()> running_;
    std::function<void()> stop_;
    std::vector<control::Responder> waiting_;
    std::size_t told_ = 0; // how many were running
    bool stops_ = false;
};

} // namespace inetd
