// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::http {

/// How `response::file` answers a file. The texts must exist until that has ended.
struct file_answer_options {
  std::string_view type = {};            ///< the Content-Type; empty: by the file's name, see `media_type_of`
  std::string_view download = {};        ///< not empty: a browser shall store it under this name, which is UTF-8
  std::optional<duration> max_age = {};  ///< how long it may be used without asking, Cache-Control; none: not said
};
static_assert(std::is_trivially_destructible_v<file_answer_options>);

}  // namespace wring::http
