#pragma once

#include "base/address.h"
#include "base/host_names.h"
#include "base/result.h"
#include "process/worker_process.h"

#include <cstdint>
#include <optional>
#include <string>

namespace inetd {

// What is asked of a resolver.
struct Inquiry {
    enum class Kind : std::uint8_t {
        names,    // look_up_host
        wrappers, // wrappers_admit
    };
    Kind kind = Kind::names;
    SocketAddress client;
    SocketAddress local{}; // of `wrappers`
    std::string daemon{};  // of `wrappers`: at most 255 bytes of it
};

struct InquiryReply {
    bool answered = false; // or else the resolver has failed, or was too slow
    HostNames names{};
    bool admitted = false; // by the wrappers
};

// A worker that answers one inquiry after the other, and may wait as long as it takes.
[[nodiscard]] Result<WorkerProcess> start_resolver();

// False if the process has gone. Only one inquiry at a time.
[[nodiscard]] bool send_inquiry(int socket, const Inquiry& inquiry);
// Nothing: the process has gone, or has said what cannot be understood.
[[nodiscard]] std::optional<InquiryReply> receive_reply(int socket);

} // namespace inetd
