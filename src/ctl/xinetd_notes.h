#pragma once

#include "ctl/imported.h"
#include "ctl/xinetd_values.h"

#include <string>
#include <string_view>
#include <utility>

namespace inetd::ctl {

// For what translates a service whose columns are known: says at the place of an attribute what
// becomes of it.
class XinetdNotes {
  public:
    XinetdNotes(const XinetdValues& values, ImportedService& service)
        : values_(values), service_(service) {}

    void missing(std::string_view attribute, std::string text) {
        note(Notice::Kind::missing, attribute, std::move(text));
    }
    void approximate(std::string_view attribute, std::string text) {
        note(Notice::Kind::approximate, attribute, std::move(text));
    }
    void error(std::string_view attribute, std::string text) {
        note(Notice::Kind::error, attribute, std::move(text));
    }

    [[nodiscard]] bool is_internal() const { return service_.program.front() == "internal"; }
    [[nodiscard]] bool is_stream() const { return service_.type == "stream"; }

  protected:
    const XinetdValues& values_;
    ImportedService& service_;

  private:
    void note(Notice::Kind kind, std::string_view attribute, std::string text) {
        const XinetdValue* at = values_.find(attribute);
        service_.notices.push_back({kind, at == nullptr ? service_.file : at->file,
                                    at == nullptr ? service_.line : at->line,
                                    std::string(attribute), std::move(text)});
    }
};

} // namespace inetd::ctl
