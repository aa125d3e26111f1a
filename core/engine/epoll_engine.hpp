// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <wring/core/engine/interest_table.hpp>
#include <wring/core/engine/kernel_engine.hpp>
#include <wring/core/engine/offloaded_operations.hpp>

namespace wring::detail {

/// The engine on epoll, for kernels and containers that refuse io_uring.
///
/// Operations collect in a queue until `turn` tries them, in order, with system calls that do not wait. What must wait
/// is parked at its descriptor until epoll reports it, and is tried again then. Files go to the threads of
/// thread_pool::files().
class WRING_API epoll_engine : public kernel_engine {
 public:
  /// Throws io_error.
  explicit epoll_engine(const engine_options& options);
  ~epoll_engine() override;

  [[nodiscard]] const char* name() const noexcept override { return "epoll"; }
  void submit(operation& op) noexcept override;
  void register_descriptor(int fd) noexcept override { table_.register_descriptor(fd); }
  void unregister_descriptor(int fd) noexcept override { table_.unregister_descriptor(fd); }
  void cancel(operation& op) noexcept override;
  void cancel_all() noexcept override;
  unsigned turn(std::int64_t deadline, unsigned limit) override;
  void shut_down() noexcept override;
  [[nodiscard]] std::string explain() const override;

 private:
  void enqueue(operation& op, std::uint8_t queue) noexcept;
  unsigned run_queue(unsigned limit) noexcept;
  unsigned run_ended(unsigned limit) noexcept;
  [[nodiscard]] unsigned run(operation& op, unsigned limit) noexcept;
  [[nodiscard]] bool receive(operation& op, interest* known) noexcept;
  [[nodiscard]] bool receive_message(operation& op, interest* known) noexcept;
  [[nodiscard]] unsigned receive_messages(operation& op, interest& known, unsigned limit) noexcept;
  [[nodiscard]] bool wait_for(operation& op, interest* known) noexcept;
  [[nodiscard]] bool offload(operation& op) noexcept;
  void finish(operation& op, completion c) noexcept;
  void deliver_more(operation& op, completion c) noexcept;
  void go_on(operation& op) noexcept;
  static void park(operation& op, interest& at) noexcept;
  static void unpark(operation& op, interest& from) noexcept;
  void dispatch(interest& of, std::uint32_t events) noexcept;
  void wait(std::int64_t deadline) noexcept;

  interest_table table_;
  offloaded_operations offloaded_;
  operation* first_ = nullptr;  // to be tried, or to be ended
  operation* last_ = nullptr;
};

}  // namespace wring::detail
