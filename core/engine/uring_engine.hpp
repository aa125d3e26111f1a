// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include <liburing.h>

#include <wring/core/engine/busy_poll.hpp>
#include <wring/core/engine/kernel_engine.hpp>

namespace wring::detail {

/// The engine on io_uring: one ring, made and used by its scheduler's thread.
///
/// Submissions collect in the queue until `turn` enters the kernel, once, to submit, run task work and wait. A
/// completion finds its operation by the address in user_data. Needs Linux 6.1 (DEFER_TASKRUN); newer features are
/// found by trying.
class uring_engine : public kernel_engine {
 public:
  /// Throws io_error; see `explain_refusal`.
  explicit uring_engine(const engine_options& options);
  ~uring_engine() override;

  [[nodiscard]] const char* name() const noexcept override { return "io_uring"; }
  void submit(operation& op) noexcept override;
  void cancel(operation& op) noexcept override;
  void cancel_all() noexcept override;
  unsigned turn(std::int64_t deadline, unsigned limit) override;
  void shut_down() noexcept override;
  [[nodiscard]] std::string explain() const override;
  [[nodiscard]] int add_buffers(message_buffers& buffers) noexcept override;
  void remove_buffers(message_buffers& buffers) noexcept override;

 private:
  /// Operations that wait for room in the submission queue, in order.
  struct backlog {
    operation* first = nullptr;
    operation* last = nullptr;
    void push(operation& op) noexcept;
    operation* pop() noexcept;
    void remove(operation& op) noexcept;
  };

  void set_up_ring(const engine_options& options);
  [[nodiscard]] int try_set_up(unsigned queue_entries, ::io_uring_params& params) noexcept;
  [[nodiscard]] bool find_room() noexcept;
  [[nodiscard]] ::io_uring_sqe* next_sqe() noexcept;
  void start(operation& op) noexcept;
  void send_cancel(operation& op) noexcept;
  void poll_completed(operation& op, completion c) noexcept;
  [[nodiscard]] bool enqueue(operation& op) noexcept;
  [[nodiscard]] bool enqueue_cancel(operation& op) noexcept;
  [[nodiscard]] bool enqueue_cancel_all() noexcept;
  [[gnu::noinline]] [[nodiscard]] bool starts_again(operation& op, completion c) noexcept;
  unsigned enqueue_backlog() noexcept;
  [[nodiscard]] bool arm_inbox() noexcept;
  void enter(unsigned wait_for, const ::__kernel_timespec* timeout) noexcept;
  void flush() noexcept;
  [[nodiscard]] unsigned catch_up() noexcept;
  unsigned reap(unsigned limit) noexcept;
  void deliver(std::uint64_t user_data, completion c) noexcept;
  [[gnu::noinline]] void deliver_other(std::uint64_t user_data, completion c) noexcept;
  void finish(operation& op, completion c) noexcept;
  void inbox_ready(bool more) noexcept;
  [[nodiscard]] unsigned kernel_flags() const noexcept;
  [[nodiscard]] bool something_to_submit() const noexcept;
  [[nodiscard]] bool something_to_reap() const noexcept;
  [[nodiscard]] bool watch(std::int64_t begin, std::int64_t deadline) noexcept;
  void wait_watching(std::int64_t deadline) noexcept;
  void enter_until(std::int64_t deadline) noexcept;
  void sleep(std::int64_t deadline) noexcept;

  ::io_uring ring_{};
  unsigned room_ = 0;  // free entries of the submission queue that are known of
  unsigned queue_mask_ = 0;
  backlog unsubmitted_;
  backlog unsent_cancels_;
  unsigned enter_flags_;
  ::io_uring_getevents_arg wait_argument_{};
  busy_poll busy_poll_;
  std::uint16_t latest_group_ = 0;  // of buffers
  bool inbox_armed_ = false;
  bool all_to_be_cancelled_ = false;  // waits for room in the submission queue
  bool behind_ = true;                // something waits for room in the submission queue, or the inbox is to be armed
  bool closing_ = false;
#if WRING_CHECKS
  [[nodiscard]] bool note_new(const operation& op) noexcept;
  [[nodiscard]] bool knows(const operation& op) const noexcept { return !knows_all_ || known_.contains(&op); }
  std::unordered_set<const operation*> known_;
  bool knows_all_ = true;  // there was memory for all
#endif
};

/// Why io_uring_setup failed with `error_number`, and what helps: errno, sysctl, seccomp and memlock state.
[[nodiscard]] WRING_API std::string explain_refusal(int error_number);

}  // namespace wring::detail
