// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/process_transport.hpp>

namespace wring::net {

/// A process as callback code sees it: Twisted's ProcessProtocol. Derive, override what you need, and give it to
/// `spawn_process`:
///
///     class word_count : public wring::net::process_protocol {
///       void connection_made() override {
///         transport().write("one two three\n");
///         transport().close_stdin();
///       }
///       void out_received(std::span<const std::byte> data) override { count_ += text_of(data); }
///       void process_ended(const wring::failure& how) override { ... }
///     };
///
/// `connection_made` comes first, `process_ended` last, once, whatever happens: when the process has exited and all of
/// its streams that are pipes have ended. A stream stays open while a process that this one has started has it. The
/// functions are called by the task that runs the process, and must not block. What one throws is logged, and ends the
/// process as `command::when_abandoned` says. One thread.
class WRING_API process_protocol {
 public:
  process_protocol() noexcept = default;
  process_protocol(const process_protocol&) = delete;
  process_protocol& operator=(const process_protocol&) = delete;
  virtual ~process_protocol();

  /// The process runs: `transport()` is set.
  virtual void connection_made() {}
  /// It has written to its output, or shown on its terminal. Valid during the call.
  virtual void out_received(std::span<const std::byte> data) { static_cast<void>(data); }
  /// It has written to its error stream.
  virtual void err_received(std::span<const std::byte> data) { static_cast<void>(data); }
  /// Its input is closed: by `close_stdin`, when everything was sent, or because nobody reads it any more.
  virtual void in_connection_lost() {}
  /// Its output has ended, or was closed.
  virtual void out_connection_lost() {}
  /// Its error stream has ended, or was closed.
  virtual void err_connection_lost() {}
  /// It has exited; its streams may still hold something. `how` is `process_done` or `process_terminated`.
  virtual void process_exited(const failure& how) { static_cast<void>(how); }
  /// All is over, and nothing more is called. `how` is as for `process_exited`; what a callback has thrown, if that has
  /// ended the process; `write_buffer_overflow` if it did not read its input; `connection_aborted` if the task that ran
  /// it was cancelled, and nobody waited for its end.
  virtual void process_ended(const failure& how) { static_cast<void>(how); }

  /// Throws std::logic_error before there is one; afterwards it is valid for ever.
  [[nodiscard]] process_transport& transport() const;

  /// Connects it, and calls connection_made(). For what runs it, and for tests. Throws std::logic_error if it has been
  /// connected before.
  void make_connection(std::shared_ptr<process_transport> t);

 protected:
  [[nodiscard]] static std::string_view text_of(std::span<const std::byte> data) noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }

 private:
  std::shared_ptr<process_transport> transport_;
};

}  // namespace wring::net
