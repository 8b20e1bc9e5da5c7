#include "builtin/ident_line.h"
#include "config/model.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace inetd;

static void check_answer(std::string_view line) {
    const auto user = parse_ident_answer(line, {6193, 23});
    if (!user) return;
    if (user->empty() || user->size() > 512) std::abort();
    if (user->find('\0') != std::string::npos) std::abort();
}

// What one end answers, the other one understands.
static void check_question(std::string_view line) {
    const auto query = parse_ident_query(line);
    if (!query) return;
    constexpr uid_t kOwner = 4711;
    IdentOptions options;
    options.reveal = IdentOptions::Reveal::number;
    std::string answer = ident_answer(*query, kOwner, options);
    if (!answer.ends_with("\r\n")) std::abort();
    answer.resize(answer.size() - 2);
    if (answer.find_first_of("\r\n") != std::string::npos) std::abort();
    const auto user = parse_ident_answer(answer, *query);
    if (user.has_value() != query->valid() || (user && *user != "4711")) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    check_answer(line);
    check_question(line);
    return 0;
}
