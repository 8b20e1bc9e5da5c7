// As src/pch/standard.h, for the unit tests.

#include <array>
#include <chrono>
#include <fmt/core.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
