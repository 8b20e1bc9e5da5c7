#include "policy/load_average.h"

#include "base/fd.h"

#include <array>
#include <charconv>
#include <cmath>
#include <fcntl.h>

namespace inetd {

bool LoadAverage::reaches(double most, TimePoint now) {
    if (!read_at_ || now - *read_at_ >= std::chrono::seconds(1)) {
        value_ = read();
        read_at_ = now;
    }
    return value_ && *value_ >= most;
}

std::optional<double> LoadAverage::parse(std::string_view text) {
    double value = 0;
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    const bool whole = stop == text.data() + text.size() || *stop == ' ';
    if (error != std::errc{} || !whole || !std::isfinite(value) || value < 0) return std::nullopt;
    return value;
}

std::optional<double> LoadAverage::read() const {
    const Fd file(open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 128> text{};
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    if (size <= 0) return std::nullopt;
    return parse({text.data(), static_cast<std::size_t>(size)});
}

} // namespace inetd
