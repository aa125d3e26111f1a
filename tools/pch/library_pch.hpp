// SPDX-License-Identifier: MIT
// What most sources of the library include of other libraries, parsed once; each still includes what it uses, which CI
// sees to by building once with -Db_pch=false. Nothing of Wring's own: a change of that would compile everything anew.
// No `#pragma once`: the compiler is given this file itself, and warns about one there. Not <source_location>: clang 19
// refuses `decltype(__builtin_source_location())` where that comes out of a precompiled header.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
