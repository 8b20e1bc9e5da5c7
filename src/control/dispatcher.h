#pragma once

#include "control/parameters.h"
#include "control/responder.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace inetd::control {

// Who may call a method: whoever may connect, or only root and the daemon's own user.
enum class Access : std::uint8_t { read, change };

struct Method {
    std::string_view name; // without the interface
    Access access;
    // Answers, or keeps the Responder to answer later. May throw InvalidParameter.
    std::function<void(Parameters&, const Responder&)> run;
};

// What org.varlink.service.GetInfo says.
struct Product {
    std::string_view vendor;
    std::string_view product;
    std::string_view version;
    std::string_view url;
};

// Gives each call to its method. Answers itself what all services of Varlink answer: what they are,
// and how their interfaces are described.
class Dispatcher {
  public:
    // `description` is that of `interface`, of which the methods are.
    Dispatcher(const Product& product, std::string_view interface, std::string_view description,
               std::vector<Method> methods);

    void dispatch(Connection& connection, const Call& call) const;
    [[nodiscard]] const std::vector<Method>& methods() const { return methods_; }

  private:
    void describe(const Call& call, const Responder& responder) const;

    Product product_;
    std::string_view interface_;
    std::string_view description_;
    std::vector<Method> methods_;
};

// Standard errors, https://varlink.org/Service.
inline constexpr std::string_view kPermissionDenied = "org.varlink.service.PermissionDenied";
inline constexpr std::string_view kExpectedMore = "org.varlink.service.ExpectedMore";

} // namespace inetd::control
