#pragma once

#include <string>

namespace inetd {

// The answer of a data base of the system: a value, or what to tell the person who asked.
template<typename T>
struct Lookup {
    T value{};
    std::string problem; // "unknown user 'ftpp'"; empty = there is a value
    std::string hint;

    [[nodiscard]] bool found() const { return problem.empty(); }
};

} // namespace inetd
