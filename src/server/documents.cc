#include "server/documents.h"

#include "server/metrics.h"
#include "server/status_page.h"

#include <array>
#include <climits>
#include <ctime>
#include <string_view>
#include <unistd.h>

namespace inetd {

std::optional<HttpDocument> Documents::find(const HttpRequest& request) const {
    struct Page {
        std::string_view path;
        HttpDocument (Documents::*make)(const HttpRequest&) const;
    };
    static constexpr Page kPages[] = {
        {"/", &Documents::status},
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

HttpDocument Documents::status(const HttpRequest& request) const {
    std::array<char, HOST_NAME_MAX + 1> host{};
    static_cast<void>(gethostname(host.data(), host.size() - 1));
    const unsigned refresh = refresh_of(request.query);
    return {.content_type = "text/html; charset=utf-8",
            .body = status_html({.about = sources_.about(),
                                 .state = sources_.measures().state,
                                 .host = host.data(),
                                 .now = std::time(nullptr),
                                 .refresh = refresh}),
            .fields = status_fields(refresh)};
}

} // namespace inetd
