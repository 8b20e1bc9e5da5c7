#include "server/greeter.h"

#include <string>
#include <sys/socket.h>
#include <utility>

namespace inetd {

// A client that is gone is found by whoever serves it.
void Greeter::say(const Banner& banner, int connection) {
    (void)send(connection, banner.text.data(), banner.text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Greeter::take_leave(const ServiceConfig& service, Fd connection) {
    const Banner* words = service.terms->banner_fail.get();
    if (farewells_.count() < kMostFarewells)
        return farewells_.say(std::move(connection), words != nullptr ? words->text : std::string(),
                              nullptr);
    if (words != nullptr) say(*words, connection.get());
}

} // namespace inetd
