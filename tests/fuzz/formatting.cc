// clang gives this template another name than the g++ that libfmt was built with (it spells the
// condition in its type in another way), so that the library has it for g++ alone.
#include <fmt/format.h>

template void fmt::detail::vformat_to<char>(
    fmt::detail::buffer<char>&, fmt::string_view,
    fmt::basic_format_args<fmt::buffer_context<fmt::type_identity_t<char>>>,
    fmt::detail::locale_ref);
