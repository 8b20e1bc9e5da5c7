#pragma once

#include "config/accounts.h"
#include "config/endpoints.h"
#include "config/line.h"
#include "config/load.h"
#include "config/programs.h"

namespace inetd {

// Turns what lines say into services, by asking the name services and the file system. Remembers
// every answer, so that one Resolver serves one load.
class Resolver {
  public:
    explicit Resolver(const LoadOptions& options);

    // Null, and reported, if anything that the line names does not exist.
    ServiceConfigPtr resolve(const Source& source, const ServiceLine& line,
                             const DefaultHosts& defaults);

  private:
    bool set_socket(const Source& source, const ServiceLine& line, ServiceConfig& config) const;
    bool set_account(const Source& source, const ServiceLine& line, ServiceConfig& config);
    bool set_program(const Source& source, const ServiceLine& line, ServiceConfig& config);
    void set_limits(const ServiceLine& line, ServiceConfig& config) const;

    Limits default_limits_;
    int default_backlog_;
    Endpoints endpoints_;
    Accounts accounts_;
    Programs programs_;
};

} // namespace inetd
