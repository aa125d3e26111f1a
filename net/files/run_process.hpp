// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/command.hpp>
#include <wring/net/files/process_status.hpp>

namespace wring::net {

struct run_process_options {
  /// What it reads from its input, which ends then. Must stay valid until `run_process` has ended.
  std::string_view input = {};
  /// The most bytes of its output, and the same of its error stream. At one more it is killed.
  std::size_t output_limit = std::size_t{1024} * 1024;
  /// How long its output may stay open after its end, held by processes that it has started: from then on, what they
  /// write is not waited for.
  duration linger = std::chrono::seconds(1);
};
static_assert(std::is_trivially_destructible_v<run_process_options>);

/// What a process has said, and how it has ended.
struct process_output {
  process_status status;
  std::string output;
  std::string error;
  bool over_limit = false;  ///< it was killed at `run_process_options::output_limit`; what came before is there
  bool left_open = false;   ///< other processes had its output open longer than `linger`

  /// It has exited with 0, and this is all that it has written.
  [[nodiscard]] bool success() const noexcept { return status.success() && !over_limit && !left_open; }
};

/// Runs a process to its end, and collects what it writes. Streams for which the command says nothing are: the input
/// what the options say, output and error collected.
///
///     net::command version("git");
///     version.arguments("rev-parse", "HEAD");
///     const net::process_output git = co_await net::run_process(version);
///     if (git.success()) use(git.output);
///
/// Cancelled, it ends the process as `command::when_abandoned` says, and waits for that. How many run at once is the
/// caller's affair: see `semaphore`. Throws as `spawn` does; that the process has failed is no exception.
[[nodiscard]] WRING_API task<process_output> run_process(command what, run_process_options options = {});

}  // namespace wring::net
