// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/buffer_pool.hpp>

/// The seam between the scheduler and the kernel. `docs/design/engine.md` lists what every operation means.
namespace wring {

class engine;

enum class op_code : std::uint8_t {
  accept_multishot,  ///< fd; each completion is a descriptor (close-on-exec)
  connect,           ///< fd, data = sockaddr, length = its size
  receive,           ///< fd, data, length, flags = MSG_*
  receive_multishot, ///< fd; each completion carries a pool buffer
  send,              ///< fd, data, length, flags = MSG_*
  send_message,      ///< fd, data = msghdr, flags = MSG_*
  poll,              ///< fd, flags = POLL*; one completion with the ready events
  poll_multishot,    ///< fd, flags = POLL*; a completion for each change
  open,              ///< fd = directory or AT_FDCWD, data = path, flags = O_*, offset = mode
  read,              ///< fd, data, length, offset (-1: the file position)
  write,             ///< fd, data, length, offset (-1: the file position)
  sync,              ///< fd; fsync(2)
};

/// "receive", "accept", ...
WRING_API const char* to_string(op_code code) noexcept;

/// What a completion carries besides its result.
struct completion {
  static constexpr std::uint32_t no_buffer = std::numeric_limits<std::uint32_t>::max();

  std::int32_t result = 0;          ///< the operation's value, or -errno
  bool more = false;                ///< a multishot operation stays armed; false: this completion is the terminal one
  std::uint32_t buffer = no_buffer; ///< the pool buffer that holds `result` bytes; the receiver returns it
};

/// One operation. From `engine::submit` to its terminal completion it belongs to the engine, which knows it by its
/// address; the memory it names belongs to the kernel for as long. Lives in the awaiting frame, or in the block of the
/// stream or listener it serves.
struct operation {
  using handler = void (*)(operation&, const completion&) noexcept;
  enum class state : std::uint8_t { idle, active, stopping };

  handler on_completion = nullptr;
  op_code code = op_code::poll;
  state status = state::idle;
  bool poll_first = false;  ///< receive: wait for readiness before the first attempt
  bool waiting = false;     ///< engine's own: waits for room in the submission queue
  int fd = -1;
  void* data = nullptr;
  std::uint32_t length = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  operation* next = nullptr;  ///< engine's own: links those that wait for room in the queue

  operation() noexcept = default;
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() {
    if (status != state::idle) [[unlikely]] abandoned();
  }

  [[nodiscard]] bool active() const noexcept { return status != state::idle; }

 private:
  /// The record is about to go while the kernel may still use it and its memory: ends the process with a description.
  [[noreturn]] WRING_API void abandoned() const noexcept;
};

/// How an engine is made. Zero means the default that is named.
struct engine_options {
  unsigned queue_entries = 256;        ///< submissions gathered before the kernel is entered
  unsigned completion_entries = 4096;  ///< completions the kernel keeps before it must ask for room
  buffer_pool_options buffers;
};

/// Submits operations and delivers their completions, with io_uring's semantics: exactly one terminal completion for
/// every submitted operation, never before `submit` returns. Used from its scheduler's thread alone, except `wake`.
class WRING_API engine {
 public:
  static constexpr std::int64_t no_wait = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t no_deadline = std::numeric_limits<std::int64_t>::max();

  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  virtual ~engine();

  [[nodiscard]] virtual const char* name() const noexcept = 0;

  /// Takes the operation until its terminal completion. Cannot fail: what cannot be submitted completes with its errno.
  virtual void submit(operation& op) noexcept = 0;

  /// Asks for the end of a submitted operation; its terminal completion follows, with -ECANCELED or whatever happened
  /// first. Idle operations and repeated requests are ignored.
  virtual void request_stop(operation& op) noexcept = 0;

  /// Hands pending submissions to the kernel, waits for a completion until `deadline` (nanoseconds of `now()`, or
  /// no_wait, no_deadline) and delivers at most `limit` of them. May return early.
  virtual void turn(std::int64_t deadline, unsigned limit) = 0;

  /// Ends a wait in `turn`, now or the next one. From any thread and from signal handlers.
  virtual void wake() noexcept = 0;

  /// Stops the engine's own operations and returns when none is in flight. The last call before destruction.
  virtual void shut_down() noexcept = 0;

  /// CLOCK_MONOTONIC or what stands for it, in nanoseconds.
  [[nodiscard]] virtual std::int64_t now() const noexcept = 0;

  /// What `wring::explain` prints: features found and the paths in use, one a line.
  [[nodiscard]] virtual std::string explain() const = 0;

  /// Operations between submit and terminal completion, without the engine's own.
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }

  [[nodiscard]] buffer_pool& buffers() noexcept { return buffers_; }

  /// Counters since the start.
  struct counters {
    std::uint64_t submitted = 0;    ///< operations
    std::uint64_t completed = 0;    ///< completions delivered
    std::uint64_t kernel_calls = 0; ///< times the kernel was entered
    std::uint64_t overflows = 0;    ///< times the completion queue was found overflown
  };
  [[nodiscard]] const counters& totals() const noexcept { return counters_; }

 protected:
  explicit engine(const buffer_pool_options& buffers) : buffers_(buffers) {}

  std::size_t in_flight_ = 0;
  counters counters_;
  buffer_pool buffers_;
};

}  // namespace wring
