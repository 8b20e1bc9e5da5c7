// What most files include, compiled once where a sanitizer makes all the rest take long. The other
// builds are without it, so that each file names what it needs.

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/core.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
