#pragma once

#include "base/address.h"
#include "base/hex.h"
#include "event/loop.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

// Values as they stand in a hand-over. What reads one throws, as the library does, if it is not
// there, not of its type or out of range; the caller of all of them catches.
namespace inetd::json_fields {

using nlohmann::json;

// Of what hex() has made.
[[nodiscard]] std::string bytes_of(const json& item);

[[nodiscard]] json address(const SocketAddress& address);
[[nodiscard]] SocketAddress address_of(const json& item);

// CLOCK_MONOTONIC in nanoseconds, the same in every process until the next boot.
[[nodiscard]] json time(TimePoint time);
[[nodiscard]] TimePoint time_of(const json& item);

// An integer between the two.
template<typename T>
[[nodiscard]] T number(const json& item, T low, T high) {
    const bool fits = low < 0 || item.is_number_unsigned();
    const auto value = item.get<std::int64_t>();
    if (!item.is_number_integer() || !fits || std::cmp_less(value, low) ||
        std::cmp_greater(value, high))
        throw std::invalid_argument("a number is out of range");
    return static_cast<T>(value);
}

} // namespace inetd::json_fields
