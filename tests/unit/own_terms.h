#pragma once

#include "config/model.h"

#include <memory>
#include <utility>

namespace inetd::test {

// The terms of a service that a test makes by hand, to be written to: a copy that is its own.
inline ServiceTerms& own_terms(ServiceConfig& config) {
    auto terms = std::make_shared<ServiceTerms>(*config.terms);
    ServiceTerms& own = *terms;
    config.terms = std::move(terms);
    return own;
}

} // namespace inetd::test
