#pragma once

#include "config/model.h"
#include "config/source.h"

#include <map>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace inetd {

// What no line can tell alone: that another line wants the same socket, or that none serves tcpmux.
class Overlap {
  public:
    // False, and reported, if the service wants a socket or a tcpmux name that is taken. Warns of
    // addresses that the kernel will not bind side by side.
    bool add(const Source& source, Position at, const ServiceConfigPtr& config);

    // When all have been added: the warning for services that nothing multiplexes.
    [[nodiscard]] std::optional<Diagnostic> orphan() const;

  private:
    // The first service of a port that is on all addresses, on those of both families, on just one.
    struct PortUse {
        ServiceConfigPtr wildcard;
        ServiceConfigPtr dual_stack;
        ServiceConfigPtr specific;
    };
    using PortKey = std::tuple<int, int, std::uint32_t>; // family, protocol, port

    const ServiceConfig* twin(const ServiceConfig& config, std::string& what) const;
    void check_port(const Source& source, Position at, const ServiceConfigPtr& config,
                    const ListenSpec& spec);
    const ServiceConfig* rival(const ListenSpec& spec) const;

    // In pieces of its own: what is forgotten after the load would leave a hole behind each service
    // otherwise.
    std::pmr::monotonic_buffer_resource memory_;
    std::pmr::unordered_map<std::pmr::string, ServiceConfigPtr> taken_{&memory_};
    std::pmr::map<PortKey, PortUse> ports_{&memory_};
    bool has_mux_ = false;
    std::optional<Diagnostic> orphan_;
};

} // namespace inetd
