// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/pipe_stream.hpp>
#include <wring/net/files/process.hpp>

namespace wring::net {

/// A conversation with a process over its standard streams: what it writes to its output is read, what is written is
/// its input.
///
///     net::command what("bc");
///     what.input(net::process_io::pipe()).output(net::process_io::pipe());
///     net::process_stream calculator(co_await net::spawn(what));
///
/// See `stream`. An abort is no fault for the process, which sees the end; it cannot be watched. `close()` closes both
/// pipes and waits until the process has ended, which it is made to do after 5 s, as by `process::end`. If it is
/// destroyed before that, `command::when_abandoned` decides. Movable.
class WRING_API process_stream {
 public:
  /// A closed one.
  process_stream() noexcept = default;
  /// Of a process whose input and output are pipes; or that has a terminal, which is used then.
  explicit process_stream(net::process p) noexcept;

  [[nodiscard]] auto read_some() noexcept { return pipes_.read_some(); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return pipes_.read(into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> bytes) noexcept { return pipes_.write_all(bytes); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return pipes_.write_all(parts);
  }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return pipes_.write_all(text); }
  [[nodiscard]] auto shut_down_write() noexcept { return pipes_.shut_down_write(); }
  [[nodiscard]] task<> close();
  void abort() noexcept { pipes_.abort(); }

  /// Its streams that are the stream's own are closed ones.
  [[nodiscard]] net::process& process() noexcept { return process_; }

 private:
  net::process process_;
  pipe_stream pipes_;
};

}  // namespace wring::net
