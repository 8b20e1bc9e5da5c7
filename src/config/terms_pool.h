#pragma once

#include "config/draft.h"

#include <memory>
#include <set>

namespace inetd {

// Terms that are equal become one object, and so do the origins that belong to them. Ordered by all
// that they say, so that each is found by few comparisons, whether all are equal or none.
class TermsPool {
  public:
    // `base`: the origins of what all services begin with.
    explicit TermsPool(const std::vector<Origin>& base);

    // The terms of a draft that is complete, with their origins.
    std::shared_ptr<const ServiceTerms> share(Draft& draft);

  private:
    template<typename T>
    struct Less {
        using is_transparent = void;
        using Shared = std::shared_ptr<const T>;
        bool operator()(const Shared& a, const Shared& b) const { return *a < *b; }
        bool operator()(const Shared& a, const T& b) const { return *a < b; }
        bool operator()(const T& a, const Shared& b) const { return a < *b; }
    };
    template<typename T>
    using Pool = std::set<std::shared_ptr<const T>, Less<T>>;

    std::shared_ptr<const std::vector<Origin>> base_;
    Pool<Origins> origins_;
    Pool<ServiceTerms> terms_;
};

} // namespace inetd
