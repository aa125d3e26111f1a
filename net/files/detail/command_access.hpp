// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/process_calls.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/command.hpp>

namespace wring::net::detail {

/// What a process is started with, and what is needed of that until it has been.
struct prepared_child {
  wring::detail::child_start start;
  std::vector<std::string> environment;  ///< `start` points into it
  std::vector<descriptor> theirs;        ///< ends that only the child keeps
  descriptor input;                      ///< our ends
  descriptor output;
  descriptor error;
  descriptor terminal;
};

/// Reaches into a `command`.
struct WRING_API command_access {
  using io = process_io;

  /// The environment that it starts with: NAME=value each.
  [[nodiscard]] static std::vector<std::string> environment_of(const command& c);
  /// Opens what the standard streams need. Refers to `c`. Throws io_error.
  static void prepare(const command& c, prepared_child& into);
  [[nodiscard]] static const abandonment& abandonment_of(const command& c) noexcept { return c.abandonment_; }
  [[nodiscard]] static bool leads_group(const command& c) noexcept { return c.own_group_ || c.own_session_; }
  [[nodiscard]] static const std::string& directory_of(const command& c) noexcept { return c.directory_; }

  /// What a stream of a command has been set to.
  [[nodiscard]] static bool is_inherited(const io& what) noexcept { return what.kind_ == io::kind::inherited; }
  [[nodiscard]] static const io& input_of(const command& c) noexcept { return c.input_; }
  [[nodiscard]] static const io& output_of(const command& c) noexcept { return c.output_; }
  [[nodiscard]] static const io& error_of(const command& c) noexcept { return c.error_; }
};

}  // namespace wring::net::detail
