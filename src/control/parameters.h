#pragma once

#include "control/message.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace inetd::control {

// Thrown by what reads parameters; becomes org.varlink.service.InvalidParameter.
struct InvalidParameter {
    std::string name;
};

// Reads the parameters of a call, each by its type. What is absent or null is nothing; what is of
// another type, or asked for by nobody until done(), is thrown as InvalidParameter.
class Parameters {
  public:
    explicit Parameters(const Json& all) : all_(all) {}

    [[nodiscard]] std::optional<std::string> text(const char* name);
    [[nodiscard]] std::string required_text(const char* name);
    [[nodiscard]] std::optional<bool> flag(const char* name);
    [[nodiscard]] std::optional<std::int64_t> number(const char* name, std::int64_t least,
                                                     std::int64_t most);
    [[nodiscard]] std::optional<std::vector<std::string>> texts(const char* name);
    void done() const;

  private:
    const Json* find(const char* name);

    const Json& all_;
    std::set<std::string, std::less<>> asked_;
};

} // namespace inetd::control
