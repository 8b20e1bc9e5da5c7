#pragma once

#include "policy/gate.h"
#include "policy/source.h"
#include "server/json_fields.h"

// What a service's gate has counted and a source as they stand in a hand-over.
namespace inetd::json_fields {

[[nodiscard]] json gate(const Gate::State& state);
// Throws as the others do.
[[nodiscard]] Gate::State gate_of(const json& item);

[[nodiscard]] json source(const SourceKey& key);
[[nodiscard]] SourceKey source_of(const json& item);

} // namespace inetd::json_fields
