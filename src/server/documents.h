#pragma once

#include "builtin/http_answer.h"
#include "builtin/http_request.h"
#include "server/measures.h"
#include "server/overview.h"

#include <functional>
#include <optional>
#include <utility>

namespace inetd {

// What the built-in service `metrics` has to show. A further one is a line in the table
// of find().
class Documents {
  public:
    struct Sources {
        std::function<About()> about;
        std::function<Measures()> measures;
    };
    explicit Documents(Sources sources) : sources_(std::move(sources)) {}

    // Nothing: there is none at request.path.
    [[nodiscard]] std::optional<HttpDocument> find(const HttpRequest& request) const;

  private:
    [[nodiscard]] HttpDocument status(const HttpRequest& request) const;
    [[nodiscard]] HttpDocument metrics(const HttpRequest& request) const;

    Sources sources_;
};

} // namespace inetd
