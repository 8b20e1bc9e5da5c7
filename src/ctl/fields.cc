#include "ctl/fields.h"

#include "ctl/text.h"

namespace inetd::ctl {

std::string text_of(const Json& item) {
    return item.is_string() ? printable(item.get<std::string>()) : std::string();
}

std::string service_of(const Json& item) {
    return text_of(item.at("name")) + "/" + text_of(item.at("protocol"));
}

} // namespace inetd::ctl
