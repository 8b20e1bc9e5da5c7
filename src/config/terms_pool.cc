#include "config/terms_pool.h"

namespace inetd {

template<typename Pool, typename T>
static std::shared_ptr<const T> shared_in(Pool& pool, const T& value) {
    const auto at = pool.lower_bound(value);
    if (at != pool.end() && !(value < **at)) return *at;
    return *pool.insert(at, std::make_shared<const T>(value));
}

TermsPool::TermsPool(const std::vector<Origin>& base)
    : base_(std::make_shared<const std::vector<Origin>>(base)) {}

std::shared_ptr<const ServiceTerms> TermsPool::share(Draft& draft) {
    Origins origins{.base = base_, .own = {}};
    for (std::size_t i = 0; i < draft.origins.size(); ++i) {
        const Origin& origin = draft.origins[i];
        if (origin == (*base_)[i]) continue;
        // Of lines that say the same it is one origin, too.
        const bool of_line = origin.kind == Origin::Kind::line;
        origins.own.push_back({i, of_line ? Origin{origin.kind, {}, 0} : origin});
    }
    draft.terms.origins = shared_in(origins_, origins);
    return shared_in(terms_, draft.terms);
}

} // namespace inetd
