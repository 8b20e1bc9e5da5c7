#include "builtin/responders.h"

#include <cstdint>

namespace inetd {

static constexpr std::size_t kChargenCycles = 37;

std::time_t wall_clock() {
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

std::string daytime_text(std::time_t now) {
    std::tm local{};
    localtime_r(&now, &local);
    std::array<char, 64> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y\r\n", &local);
    return {text.data(), size};
}

std::array<char, 4> time_bytes(std::time_t now) {
    constexpr std::time_t kFrom1900To1970 = 2'208'988'800;
    const auto seconds = static_cast<std::uint32_t>(now + kFrom1900To1970);
    std::array<char, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes.at(i) = static_cast<char>((seconds >> (24 - 8 * i)) & 0xff);
    return bytes;
}

static std::string make_block() {
    std::string block;
    block.reserve(kChargenCycle * kChargenCycles);
    for (std::size_t line = 0; line < 95 * kChargenCycles; ++line) {
        for (std::size_t column = 0; column < kChargenLine - 2; ++column)
            block += static_cast<char>(' ' + (line + column) % 95);
        block += "\r\n";
    }
    return block;
}

std::string_view chargen_block() {
    static const std::string block = make_block();
    return block;
}

std::string_view chargen_line(std::size_t number) {
    return chargen_block().substr(number % 95 * kChargenLine, kChargenLine);
}

} // namespace inetd
