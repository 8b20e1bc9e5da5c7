#pragma once

#include "base/fd.h"
#include "builtin/farewell.h"
#include "config/model.h"
#include "event/loop.h"

#include <cstddef>

namespace inetd {

// Says to clients what their service has for them (banner, banner_success, banner_fail), and waits
// for none of them. What does not fit the send buffer of an admitted client is cut off.
class Greeter {
  public:
    // Refused clients that are listened out at one time. The others are told too, but who has sent
    // something before may lose the text by the reset that answers it.
    static constexpr std::size_t kMostFarewells = 256;

    explicit Greeter(EventLoop& loop) : farewells_(loop) {}

    static void greet(const ServiceConfig& service, int connection) {
        if (service.terms->banner) say(*service.terms->banner, connection);
    }
    static void welcome(const ServiceConfig& service, int connection) {
        if (service.terms->banner_success) say(*service.terms->banner_success, connection);
    }
    // Ends the connection of a client that is refused.
    void dismiss(const ServiceConfig& service, Fd connection) {
        if (service.terms->banner || service.terms->banner_fail)
            take_leave(service, std::move(connection));
    }

    [[nodiscard]] const Farewells& farewells() const { return farewells_; }
    // Closes all that are still being told.
    void stop_all() { farewells_.clear(); }

  private:
    static void say(const Banner& banner, int connection);
    void take_leave(const ServiceConfig& service, Fd connection);

    Farewells farewells_;
};

} // namespace inetd
