#include "config/socket_values.h"

#include "config/source.h"
#include "config/value_error.h"

#include <array>
#include <net/if.h>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

struct TrafficClass {
    std::string_view name;
    int octet;
};

// The six bits of a code point stand above the two of ECN, RFC 3168.
static constexpr std::array kClasses{
    TrafficClass{"cs0", 0x00},        TrafficClass{"cs1", 0x20},
    TrafficClass{"cs2", 0x40},        TrafficClass{"cs3", 0x60},
    TrafficClass{"cs4", 0x80},        TrafficClass{"cs5", 0xa0},
    TrafficClass{"cs6", 0xc0},        TrafficClass{"cs7", 0xe0},
    TrafficClass{"af11", 0x28},       TrafficClass{"af12", 0x30},
    TrafficClass{"af13", 0x38},       TrafficClass{"af21", 0x48},
    TrafficClass{"af22", 0x50},       TrafficClass{"af23", 0x58},
    TrafficClass{"af31", 0x68},       TrafficClass{"af32", 0x70},
    TrafficClass{"af33", 0x78},       TrafficClass{"af41", 0x88},
    TrafficClass{"af42", 0x90},       TrafficClass{"af43", 0x98},
    TrafficClass{"va", 0xb0},         TrafficClass{"ef", 0xb8},
    TrafficClass{"le", 0x04},         TrafficClass{"lowdelay", 0x10},
    TrafficClass{"throughput", 0x08}, TrafficClass{"reliability", 0x04},
};

// What dev_valid_name() of the kernel takes.
std::optional<Value> read_interface(const Setting& setting) {
    const auto* name = std::get_if<std::string>(&setting.value);
    if (name != nullptr && name->size() < IF_NAMESIZE && *name != "." && *name != ".." &&
        name->find_first_of("/: \t\n\v\f\r") == std::string::npos)
        return *name;
    return wrong_value(setting, R"(the name of a network interface, as in "eth0")", {});
}

std::optional<Value> read_traffic_class(const Setting& setting) {
    const auto* number = std::get_if<std::int64_t>(&setting.value);
    if (number != nullptr && *number >= 0 && *number < 256 && *number % 4 == 0) return *number;
    std::string hint;
    if (const auto* word = std::get_if<std::string>(&setting.value)) {
        std::vector<std::string_view> names;
        names.reserve(kClasses.size());
        for (const TrafficClass& item : kClasses) {
            if (item.name == *word) return std::int64_t{item.octet};
            names.push_back(item.name);
        }
        hint = suggestion(*word, names);
    }
    return wrong_value(setting,
                       R"(a class, as in "cs1", "af41" or "ef", or a multiple of 4 below 256)",
                       std::move(hint));
}

} // namespace inetd
