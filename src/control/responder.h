#pragma once

#include "control/connection.h"

#include <memory>
#include <string_view>

namespace inetd::control {

// Answers one call, now or later. Copies answer the same call. Where the caller has gone, or the
// call has its last reply, nothing more happens.
class Responder {
  public:
    Responder(Connection& connection, bool more)
        : connection_(connection.weak_from_this()), call_(connection.call()), more_(more) {}

    // The caller takes several replies.
    [[nodiscard]] bool more() const { return more_; }
    [[nodiscard]] bool alive() const { return find() != nullptr; }
    // False while the caller is slow to take what he was sent: leave out what can be left out.
    [[nodiscard]] bool has_room() const {
        const auto connection = find();
        return connection && connection->has_room();
    }

    void reply(Json parameters) const { send({.parameters = std::move(parameters)}); }
    // Only if more().
    void reply_and_go_on(Json parameters) const {
        send({.parameters = std::move(parameters), .error = {}, .continues = true});
    }
    // By its full name.
    void fail(std::string_view error, Json parameters = Json::object()) const {
        send({.parameters = std::move(parameters), .error = std::string(error)});
    }

  private:
    [[nodiscard]] std::shared_ptr<Connection> find() const {
        auto connection = connection_.lock();
        return connection && !connection->ended() && connection->call() == call_ ? connection
                                                                                 : nullptr;
    }
    void send(const Reply& reply) const {
        if (const auto connection = find()) connection->send(reply);
    }

    std::weak_ptr<Connection> connection_;
    std::uint64_t call_;
    bool more_;
};

} // namespace inetd::control
