#pragma once

#include "config/accounts.h"
#include "config/endpoints.h"
#include "config/line.h"
#include "config/load.h"
#include "config/overrides.h"
#include "config/programs.h"
#include "config/targets.h"

#include <map>
#include <memory>
#include <optional>

namespace inetd {

// Turns what lines say into services, by asking the name services and the file system. Remembers
// every answer, so that one Resolver serves one load.
class Resolver {
  public:
    // `overrides` says what lies beneath and above the lines' own columns.
    Resolver(const LoadOptions& options, Overrides& overrides)
        : overrides_(overrides), endpoints_(options.ipv6) {}

    // All but its origins and its shared terms. Nothing, and reported, if anything that the line
    // names does not exist.
    std::optional<Draft> resolve(const Source& source, const ServiceLine& line,
                                 const DefaultHosts& defaults);

  private:
    bool set_account(const Source& source, const ServiceLine& line, ServiceTerms& terms);
    bool set_program(const Source& source, const ServiceLine& line, Draft& draft);
    bool check_program(const Source& source, const ServiceLine& line,
                       const Confinement& confinement);
    bool set_relay(const Source& source, const ServiceLine& line, Draft& draft);
    std::shared_ptr<const Surroundings> share(const Surroundings& surroundings);

    Overrides& overrides_;
    Endpoints endpoints_;
    Accounts accounts_;
    Programs programs_;
    Targets targets_;
    std::map<Surroundings, std::shared_ptr<const Surroundings>> surroundings_;
};

} // namespace inetd
