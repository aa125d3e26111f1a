// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <wring/core/task.hpp>

#include "common/micro.hpp"

namespace bench {

/// A row of bench_micro.
struct operation {
  std::string_view name;
  wring::task<> (*run)(stopwatch&, std::uint64_t count);
  std::uint64_t count;
};

/// Those of micro_deferred.cpp.
extern const std::span<const operation> deferred_operations;

}  // namespace bench
