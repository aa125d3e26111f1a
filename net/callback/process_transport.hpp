// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/producer.hpp>

namespace wring {
class nursery;
}

namespace wring::net {

/// A process as its protocol sees it: Twisted's IProcessTransport. No function waits. It is a consumer of bytes for the
/// process's input, and itself a push producer of what the process writes: `pause_producing` holds it back.
///
/// It may outlive its process, and then does nothing. One thread.
class WRING_API process_transport : public consumer, public producer {
 public:
  ~process_transport() override;

  /// The process's number; after its end it may be another's.
  [[nodiscard]] virtual int pid() const noexcept = 0;

  /// Sends a copy of `data` to its input, after everything that was written before. Dropped without a word if the input
  /// is no pipe, or is closed. More than `transport_options::write_limit` unsent ends the process, with
  /// `write_buffer_overflow` as the reason.
  void write(std::span<const std::byte> data) override = 0;
  using consumer::write;
  /// The same; `child_fd` is 0. Throws std::invalid_argument for another.
  void write_to_child(int child_fd, std::span<const std::byte> data);
  void write_to_child(int child_fd, std::string_view text) { write_to_child(child_fd, std::as_bytes(std::span(text))); }
  /// Bytes that were written and not sent.
  [[nodiscard]] virtual std::size_t unsent() const noexcept = 0;
  /// See `transport_options::write_limit`.
  virtual void set_write_limit(std::size_t bytes) = 0;

  /// Closes the process's input when everything has been sent, and no producer is registered: it reads the end then. A
  /// terminal has none: write "\x04".
  virtual void close_stdin() = 0;
  /// Close its output, or its error stream, at once: nothing is received any more, and it gets SIGPIPE if it writes.
  virtual void close_stdout() = 0;
  virtual void close_stderr() = 0;
  /// The same by the number in the process, 0 to 2. Throws std::invalid_argument for another.
  void close_child(int child_fd);
  /// Closes all three. The process is not told otherwise, and may run on.
  void lose_connection();

  /// Sends it a signal, SIGTERM for instance. Throws process_exited_already, and nothing is sent to another process
  /// that has its number.
  virtual void signal_process(int number) = 0;

  /// Stops and restarts receiving what it writes.
  void pause_producing() override = 0;
  void resume_producing() override = 0;
  /// As lose_connection().
  void stop_producing() override { lose_connection(); }

  /// For tasks that belong to the process: cancelled before process_ended. A task in it that throws ends the process,
  /// as a callback does. Throws std::logic_error when it has ended.
  [[nodiscard]] virtual wring::nursery& nursery() = 0;
};

}  // namespace wring::net
