#include "config/banner_values.h"

#include "base/text.h"
#include "config/files.h"
#include "config/value_error.h"

#include <cerrno>
#include <fmt/core.h>

namespace inetd {

std::optional<Value> read_banner(const Setting& setting) {
    const auto* path = std::get_if<std::string>(&setting.value);
    if (path == nullptr || (!path->empty() && !path->starts_with('/')))
        return wrong_value(setting, "the absolute path of a file");
    if (path->empty()) return std::shared_ptr<const Banner>();
    auto file = read_file(*path, true, kLongestBanner);
    if (file) return std::make_shared<const Banner>(Banner{*path, std::move(file->text)});
    const bool too_large = file.error().code == EFBIG;
    setting.error(fmt::format("'{}': cannot {}", setting.name, file.error().text()),
                  too_large ? fmt::format("a banner has at most {} bytes", kLongestBanner) : "");
    return std::nullopt;
}

std::string banner_text(const std::shared_ptr<const Banner>& banner) {
    return banner == nullptr ? std::string() : string_literal(banner->path);
}

} // namespace inetd
