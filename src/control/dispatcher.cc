#include "control/dispatcher.h"

#include "control/descriptions.h"

#include <algorithm>

namespace inetd::control {

static constexpr std::string_view kService = "org.varlink.service";

static std::string service_error(std::string_view name) {
    return std::string(kService) + "." + std::string(name);
}

Dispatcher::Dispatcher(const Product& product, std::string_view interface,
                       std::string_view description, std::vector<Method> methods)
    : product_(product),
      interface_(interface),
      description_(description),
      methods_(std::move(methods)) {}

void Dispatcher::describe(const Call& call, const Responder& responder) const {
    Parameters parameters(call.parameters);
    if (call.method.ends_with(".GetInfo")) {
        parameters.done();
        return responder.reply({{"vendor", product_.vendor},
                                {"product", product_.product},
                                {"version", product_.version},
                                {"url", product_.url},
                                {"interfaces", {kService, interface_}}});
    }
    const std::string interface = parameters.required_text("interface");
    parameters.done();
    if (interface == interface_) return responder.reply({{"description", description_}});
    if (interface == kService) return responder.reply({{"description", kServiceDescription}});
    responder.fail(service_error("InterfaceNotFound"), {{"interface", interface}});
}

void Dispatcher::dispatch(Connection& connection, const Call& call) const {
    const Responder responder(connection, call.more);
    const std::size_t dot = call.method.rfind('.');
    const std::string_view all = call.method;
    const std::string_view interface = dot == std::string::npos ? "" : all.substr(0, dot);
    const std::string_view name = dot == std::string::npos ? all : all.substr(dot + 1);
    const bool standard =
        interface == kService && (name == "GetInfo" || name == "GetInterfaceDescription");
    if (interface != kService && interface != interface_)
        return responder.fail(service_error("InterfaceNotFound"), {{"interface", interface}});
    const auto method = std::find_if(methods_.begin(), methods_.end(),
                                     [&](const Method& one) { return one.name == name; });
    if (!standard && (interface == kService || method == methods_.end()))
        return responder.fail(service_error("MethodNotFound"), {{"method", call.method}});
    if (call.upgrade)
        return responder.fail(service_error("MethodNotImplemented"), {{"method", call.method}});
    try {
        if (standard) return describe(call, responder);
        if (method->access == Access::change && !connection.caller().may_change)
            return responder.fail(kPermissionDenied);
        Parameters parameters(call.parameters);
        method->run(parameters, responder);
    } catch (const InvalidParameter& invalid) {
        responder.fail(service_error("InvalidParameter"), {{"parameter", invalid.name}});
    }
}

} // namespace inetd::control
