#include "server/documents.h"

#include "server/metrics.h"

#include <string_view>

namespace inetd {

std::optional<HttpDocument> Documents::find(const HttpRequest& request) const {
    struct Page {
        std::string_view path;
        HttpDocument (Documents::*make)(const HttpRequest&) const;
    };
    static constexpr Page kPages[] = {
        {"/metrics", &Documents::metrics},
    };
    for (const Page& page : kPages)
        if (page.path == request.path) return (this->*page.make)(request);
    return std::nullopt;
}

// RFC 9110 12.5.1. Who names neither is a person, whose browser shows plain text.
HttpDocument Documents::metrics(const HttpRequest& request) const {
    const double open = http_quality(request.accept, "application/openmetrics-text");
    const double plain = http_quality(request.accept, "text/plain");
    const auto format =
        open > plain ? OpenMetrics::Format::open_metrics : OpenMetrics::Format::prometheus;
    return {.content_type = OpenMetrics::content_type(format),
            .body = metrics_text(sources_.about(), sources_.measures(), format)};
}

} // namespace inetd
