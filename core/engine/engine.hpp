// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/saturating.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/engine/buffer_pool.hpp>
#include <wring/core/engine/op_code.hpp>
#include <wring/core/engine/socket_file.hpp>

struct msghdr;
struct sockaddr;

/// The seam between the scheduler and the kernel: nothing above it enters the kernel by itself. `docs/design/engine.md`
/// lists what every operation means.
namespace wring {

class engine;
class message_buffers;
class thread_pool;
namespace detail {
struct pool_job;
}

/// What an engine says of an operation: a value of eight bytes.
class completion {
 public:
  // Flags, with io_uring's values.
  static constexpr std::uint32_t with_buffer = 1;  ///< its number is in the upper half, see in_buffer()
  static constexpr std::uint32_t more_follow = 2;
  static constexpr unsigned buffer_shift = 16;
  /// The flags of a completion whose bytes are in this buffer of the pool.
  [[nodiscard]] static constexpr std::uint32_t in_buffer(std::uint32_t id) noexcept {
    return with_buffer | id << buffer_shift;
  }

  /// The terminal completion, without a buffer.
  explicit completion(std::int32_t value) noexcept : result(value) {}
  completion(std::int32_t value, std::uint32_t flags) noexcept : result(value), flags_(flags) {}

  /// A multishot operation stays armed; false: this completion is the terminal one.
  [[nodiscard]] bool more() const noexcept { return (flags_ & more_follow) != 0; }
  /// The first `result` bytes of a pool buffer have been filled; the receiver leases it.
  [[nodiscard]] bool has_buffer() const noexcept { return (flags_ & with_buffer) != 0; }
  [[nodiscard]] std::uint32_t buffer() const noexcept { return flags_ >> buffer_shift; }

  std::int32_t result;  ///< the operation's value, or -errno

 private:
  std::uint32_t flags_ = 0;
};

/// One operation. From `engine::submit` to its terminal completion it belongs to the engine, which knows it by its
/// address; the memory it names belongs to the kernel for as long. Lives in the awaiting frame, or in the block of the
/// stream or listener it serves.
struct operation {
  using handler = void (*)(operation&, completion) noexcept;
  enum class state : std::uint8_t { idle, active, cancelling };

  handler on_completion;
  op_code code;
  state status = state::idle;
  std::uint8_t queue = 0;  ///< engine's own: which of its queues it is in, and more of the kind
  int fd;
  void* data;
  std::uint32_t length;
  std::uint32_t flags;
  std::uint64_t offset;
  operation* next;  ///< engine's own: links those of a queue

  operation() noexcept
      : on_completion(nullptr),
        code(op_code::poll),
        fd(-1),
        data(nullptr),
        length(0),
        flags(0),
        offset(0),
        next(nullptr) {}

  /// For an operation that in most cases is not needed: everything it uses is to be set before it is submitted.
  struct unset {};
  explicit operation(unset) noexcept {}
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() {
    if (status != state::idle) [[unlikely]]
      abandoned();
  }

  [[nodiscard]] bool active() const noexcept { return status != state::idle; }

 private:
  /// The record is about to go while the kernel may still use it and its memory: ends the process with a description.
  [[noreturn]] WRING_API void abandoned() const noexcept;
};

/// Where an engine tells whose the connection is that it has accepted: right from the completion on until that has been
/// handled. Lives as long as the operation is in flight.
struct accepted_address {
  std::uint32_t size = 0;  ///< of the sockaddr; 0: the engine does not know it, `engine::peer_address` does
  alignas(8) std::array<std::byte, 128> bytes{};  ///< room for any
};

/// Is told of every operation. Called on the engine's thread; must not throw, submit or cancel anything.
class WRING_API operation_observer {
 public:
  virtual ~operation_observer();
  virtual void operation_submitted(const operation&) noexcept {}
  /// `c` is about to be delivered; the operation has ended unless `c.more()`.
  virtual void operation_completed(const operation&, completion c) noexcept { static_cast<void>(c); }
};

/// Which engine carries out operations.
enum class engine_kind : std::uint8_t {
  automatic,  ///< io_uring, or epoll where the kernel or a filter refuses that; decided once for the process
  io_uring,
  epoll,
  simulation,  ///< the only host of a simulated world, with the seed in WRING_SEED: see <wring/sim.hpp>
};

/// How an engine is made.
struct engine_options {
  /// The environment variable WRING_ENGINE, if it is set (auto, io_uring, epoll or sim), takes precedence over this.
  engine_kind kind = engine_kind::automatic;
  unsigned queue_entries = 256;        ///< io_uring: submissions collected before the kernel is entered; at least one
  unsigned completion_entries = 4096;  ///< io_uring: completions the kernel keeps before it must ask for room
  /// io_uring: how long to watch for completions before sleeping, if recent waits were shorter than that. Saves the
  /// wake-up, most of the time of a round trip, and takes a processor that could rest or do something else; some tens
  /// of microseconds are a good value where a peer answers at once. Zero: no time, so it sleeps right away.
  duration busy_poll = {};
  buffer_pool_options buffers = {};
};

/// Submits operations and delivers their completions, with io_uring's semantics: exactly one terminal completion for
/// every submitted operation, never before `submit` returns. Used from its scheduler's thread alone, except `wake`.
class WRING_API engine {
 public:
  static constexpr std::int64_t no_wait = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t no_deadline = std::numeric_limits<std::int64_t>::max();
  /// Deadlines from here on are as good as none. Sums of times that the kernel makes stay in bounds before it.
  static constexpr std::int64_t far_deadline = detail::last_time;

  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  virtual ~engine();

  [[nodiscard]] virtual const char* name() const noexcept = 0;

  /// Takes the operation until its terminal completion. Cannot fail: what cannot be submitted completes with its errno.
  virtual void submit(operation& op) noexcept = 0;

  /// Sends on a stream socket what it takes without waiting: the number of bytes, -EAGAIN if none, or the fault as
  /// -errno. Only while no send is in flight on it. With MSG_MORE as the message's flags, the kernel may keep it for a
  /// while, for what follows to go out with it.
  [[nodiscard]] virtual std::int32_t attempt_send(int fd, std::span<const std::byte> bytes) noexcept = 0;
  [[nodiscard]] virtual std::int32_t attempt_send(int fd, const ::msghdr& message) noexcept = 0;
  /// The same of a datagram: to the peer that the socket is connected to if `to` is null.
  [[nodiscard]] virtual std::int32_t attempt_send_to(int fd, std::span<const std::byte> bytes, const ::sockaddr* to,
                                                     std::uint32_t to_size) noexcept = 0;

  /// Sends bytes of an open file on a stream socket, without copying them: what the socket takes without waiting. The
  /// number of bytes, 0 where the file ends, -EAGAIN if there is no room, or the fault as -errno, the socket's or the
  /// file's. Only while no send is in flight on it, and of a socket that was opened here: it is non-blocking meanwhile.
  /// What `is_cached` denies makes the thread wait for the disk. An engine that cannot says -EOPNOTSUPP.
  [[nodiscard]] virtual std::int32_t attempt_send_file(int fd, int file, std::uint64_t offset,
                                                       std::size_t count) noexcept;
  /// Whether these bytes of an open file are in memory, as far as samples tell. If they are not, they come there by a
  /// `read`. False where it cannot be told.
  [[nodiscard]] virtual bool is_cached(int file, std::uint64_t offset, std::size_t count) noexcept;
  /// The size of an open file as far as the system knows it without asking a server or a disk, or -errno.
  [[nodiscard]] virtual std::int64_t size_of(int file) noexcept;

  /// Submitted operations begin together, in one system call: several sends with MSG_DONTWAIT cost less so than as many
  /// calls of attempt_send, though each comes back as a completion.
  [[nodiscard]] bool batches_sends() const noexcept { return batches_sends_; }

  /// The owner of `fd` promises to call `unregister_descriptor` before it closes the descriptor or passes it on, so
  /// that until then the number stands for the same file. Never needed, but an engine that registers descriptors is
  /// then spared looking again whenever an operation begins on an idle one.
  virtual void register_descriptor(int fd) noexcept;
  /// No operation is in flight on `fd`, and none will be until it is another file or is registered anew.
  virtual void unregister_descriptor(int fd) noexcept;

  /// A connection that waits in a listener's backlog, close-on-exec: its descriptor, -EAGAIN if there is none, or the
  /// fault as -errno. Only while no accept is in flight on it.
  [[nodiscard]] virtual std::int32_t attempt_accept(int fd) noexcept = 0;

  // Control calls. They do not block, are made on the engine's thread, and return the value, or -errno, as the system
  // calls of their names do.

  /// A socket, close-on-exec. Its number is the kernel's only if the engine is on the kernel.
  [[nodiscard]] virtual int open_socket(int family, int type, int protocol) noexcept = 0;
  [[nodiscard]] virtual int bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept = 0;
  [[nodiscard]] virtual int listen(int fd, int backlog) noexcept = 0;
  [[nodiscard]] virtual int set_option(int fd, int level, int name, std::span<const std::byte> value) noexcept = 0;
  /// The size of the option's value, which is in `value` as far as there is room.
  [[nodiscard]] virtual int get_option(int fd, int level, int name, std::span<std::byte> value) noexcept = 0;
  /// The size of the socket's own address, which is in `into` as far as there is room (sockaddr_storage has enough).
  [[nodiscard]] virtual int local_address(int fd, std::span<std::byte> into) noexcept = 0;
  /// The same of its peer's.
  [[nodiscard]] virtual int peer_address(int fd, std::span<std::byte> into) noexcept = 0;
  /// shutdown(2); `how` is SHUT_*.
  [[nodiscard]] virtual int shut_down_socket(int fd, int how) noexcept = 0;
  /// Two Unix sockets that are connected to each other, close-on-exec. Returns 0 or -errno, as the next does.
  [[nodiscard]] virtual int open_socket_pair(int type, std::array<int, 2>& made) noexcept;
  /// Binds a Unix socket to a path, and has it listen. `made` is the file. -EAGAIN: another process is about to do the
  /// same in this folder; -ENOTSOCK: what has the path is no socket.
  [[nodiscard]] virtual int bind_file(int fd, const ::sockaddr& address, std::uint32_t size,
                                      const socket_file_options& options, socket_file& made) noexcept;
  /// Removes the file at `path` if it is `file`.
  virtual void remove_file(const char* path, const socket_file& file) noexcept;
  /// Clears O_NONBLOCK on a descriptor that other code has opened.
  [[nodiscard]] virtual int make_blocking(int fd) noexcept = 0;
  /// For engines that have signals of their own: a descriptor that is readable while one of `signals` is pending.
  /// -ENOSYS: signals are the process's.
  [[nodiscard]] virtual int open_signal_source(const ::sigset_t& signals) noexcept;
  /// Takes a signal from such a source: its number, or -EAGAIN if none is pending.
  [[nodiscard]] virtual int next_signal(int fd) noexcept;
  /// Closes a descriptor that no operation is in flight on, and that is not registered.
  virtual void close_descriptor(int fd) noexcept = 0;

  // Blocking work runs elsewhere: on threads of the pool or, with an engine without threads, in a later turn.

  /// Has `job` run and then `ended` called, which tells the scheduler as from another thread. Returns 0, or what
  /// `thread_pool::begin` returns.
  [[nodiscard]] virtual int begin_job(thread_pool& pool, detail::pool_job& job) noexcept;
  /// Takes back a job that has not begun to run. Otherwise false; `given_up`: its end is no longer awaited.
  [[nodiscard]] virtual bool withdraw_job(thread_pool& pool, detail::pool_job& job, bool given_up) noexcept;

  /// Whether what a job does with files by itself reaches the files that operations reach.
  [[nodiscard]] virtual bool has_files() const noexcept;

  /// Fills `into` with unpredictable bytes. Throws io_error where the system has none.
  virtual void random(std::span<std::byte> into) = 0;

  /// The open descriptors, for leak checks.
  struct descriptors {
    const void* numbers_of = nullptr;              ///< whose numbers they are; null: the process's
    std::vector<std::pair<int, std::string>> all;  ///< with what they refer to, ordered
  };
  /// The descriptors of this engine; for an engine on the kernel, those of the whole process. Throws where they cannot
  /// be listed.
  [[nodiscard]] virtual descriptors open_descriptors() const = 0;

  /// The time of day, for people: it may jump. What is measured is measured by `now`.
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const noexcept = 0;

  /// Asks for the end of a submitted operation; its terminal completion follows, with -ECANCELED or whatever happened
  /// first. Idle operations and repeated requests are ignored.
  virtual void cancel(operation& op) noexcept = 0;
  /// The same for every operation in flight, except the engine's own.
  virtual void cancel_all() noexcept = 0;

  /// Hands pending submissions to the kernel, waits for a completion until `deadline` (nanoseconds of `now()`, past
  /// and far future ones included, or no_wait, no_deadline) and delivers at most `limit` of them. Returns how many; may
  /// return early.
  virtual unsigned turn(std::int64_t deadline, unsigned limit) = 0;

  /// Ends a wait in `turn`, now or the next one. From any thread and from signal handlers.
  virtual void wake() noexcept = 0;

  /// Ends the engine's own operations and returns when none is in flight. The last call before destruction.
  virtual void shut_down() noexcept = 0;

  /// CLOCK_MONOTONIC or what stands for it, in nanoseconds.
  [[nodiscard]] virtual std::int64_t now() const noexcept = 0;

  /// What `wring::explain` prints: features found and the paths in use, one a line.
  [[nodiscard]] virtual std::string explain() const = 0;

  /// Operations between submit and terminal completion, without the engine's own.
  [[nodiscard]] std::size_t in_flight() const noexcept {
    std::size_t sum = 0;
    for (const std::uint32_t count : in_flight_) sum += count;
    return sum;
  }
  [[nodiscard]] std::size_t in_flight(op_code code) const noexcept {
    return in_flight_[static_cast<std::size_t>(code)];
  }

  [[nodiscard]] buffer_pool& buffers() noexcept { return buffers_; }

  /// For message_buffers alone: whatever fills them is to know them. Returns 0 or -errno.
  [[nodiscard]] virtual int add_buffers(message_buffers& buffers) noexcept;
  /// The same: they go, and no operation in flight is given them.
  virtual void remove_buffers(message_buffers& buffers) noexcept;

  /// Counters since the start.
  struct counters {
    std::uint64_t submitted = 0;     ///< operations
    std::uint64_t completed = 0;     ///< completions delivered
    std::uint64_t kernel_calls = 0;  ///< times the kernel was entered
    std::uint64_t watches = 0;       ///< waits that began with watching, see engine_options::busy_poll
    std::uint64_t watched = 0;       ///< those of them that needed no sleep
    std::uint64_t overflows = 0;     ///< times the completion queue was found overflown
  };
  [[nodiscard]] const counters& totals() const noexcept { return counters_; }

  /// Reports operations to `observer` from now on; null: to nobody, which costs one branch each.
  void observe(operation_observer* observer) noexcept { observer_ = observer; }

 protected:
  explicit engine(const buffer_pool_options& buffers, bool batches_sends = false)
      : buffers_(buffers), batches_sends_(batches_sends) {}

  // The book-keeping of operations, for all engines.

  /// `op` has been submitted.
  [[gnu::always_inline]] void note_submitted(operation& op) noexcept {
    op.status = operation::state::active;
    ++in_flight_[static_cast<std::size_t>(op.code)];
    ++counters_.submitted;
    if (observer_ != nullptr) [[unlikely]]
      observer_->operation_submitted(op);
  }
  /// `c` is about to be delivered.
  [[gnu::always_inline]] void note_completed(operation& op, completion c) noexcept {
    ++counters_.completed;
    if (observer_ != nullptr) [[unlikely]]
      observer_->operation_completed(op, c);
    if (c.more()) return;
    op.status = operation::state::idle;
    --in_flight_[static_cast<std::size_t>(op.code)];
  }

  operation_observer* observer_ = nullptr;
  counters counters_;
  buffer_pool buffers_;

 private:
  std::array<std::uint32_t, op_codes> in_flight_{};
  bool batches_sends_;
};

}  // namespace wring
