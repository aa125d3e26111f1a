// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include <wring/core/engine/engine.hpp>
#include <wring/net/sim/detail/machine.hpp>
#include <wring/net/sim/detail/network.hpp>
#include <wring/net/sim/detail/socket.hpp>
#include <wring/net/sim/detail/socket_owner.hpp>
#include <wring/net/sim/detail/unix_socket.hpp>

namespace wring::sim::detail {

/// The engine of a scheduler in a world: carries out operations on the world's network, in its time, on its thread.
///
/// As with epoll an operation is tried, and then waits for a change of its socket. What is not simulated fails with
/// `wring::detail::not_simulated`, and is named in the log.
class sim_engine : public engine, public socket_owner {
 public:
  /// Its numbers are none of the kernel's, so that a call that goes around it fails.
  static constexpr int first_descriptor = 1 << 24;

  sim_engine(machine& home, const engine_options& options);
  /// The same with a world of its own, which its waits let pass.
  sim_engine(std::unique_ptr<network> world, std::unique_ptr<machine> home, const engine_options& options);
  ~sim_engine() override;

  [[nodiscard]] machine& home() noexcept override { return home_; }
  [[nodiscard]] bool woken() const noexcept override { return woken_.load(std::memory_order_relaxed); }
  /// When something is ready, by the world's time; machine::never if nothing is.
  [[nodiscard]] std::int64_t next_ready() const noexcept;
  void changed(socket& s) noexcept override;
  /// Whether a source of signals takes it.
  bool raise(int signal);

  [[nodiscard]] const char* name() const noexcept override { return "simulation"; }
  void submit(operation& op) noexcept override;
  [[nodiscard]] std::int32_t attempt_send(int fd, std::span<const std::byte> bytes) noexcept override;
  [[nodiscard]] std::int32_t attempt_send(int fd, const ::msghdr& message) noexcept override;
  [[nodiscard]] std::int32_t attempt_send_to(int fd, std::span<const std::byte> bytes, const ::sockaddr* to,
                                             std::uint32_t to_size) noexcept override;
  [[nodiscard]] std::int32_t attempt_accept(int fd) noexcept override;

  [[nodiscard]] int open_socket(int family, int type, int protocol) noexcept override;
  [[nodiscard]] int bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept override;
  [[nodiscard]] int listen(int fd, int backlog) noexcept override;
  [[nodiscard]] int set_option(int fd, int level, int name, std::span<const std::byte> value) noexcept override;
  [[nodiscard]] int get_option(int fd, int level, int name, std::span<std::byte> value) noexcept override;
  [[nodiscard]] int local_address(int fd, std::span<std::byte> into) noexcept override;
  [[nodiscard]] int peer_address(int fd, std::span<std::byte> into) noexcept override;
  [[nodiscard]] int shut_down_socket(int fd, int how) noexcept override;
  [[nodiscard]] int open_socket_pair(int type, std::array<int, 2>& made) noexcept override;
  [[nodiscard]] int bind_file(int fd, const ::sockaddr& address, std::uint32_t size, const socket_file_options& options,
                              socket_file& made) noexcept override;
  void remove_file(const char* path, const socket_file& file) noexcept override;
  [[nodiscard]] int make_blocking(int fd) noexcept override;
  [[nodiscard]] bool has_files() const noexcept override { return false; }
  [[nodiscard]] int open_signal_source(const ::sigset_t& signals) noexcept override;
  [[nodiscard]] int next_signal(int fd) noexcept override;
  void close_descriptor(int fd) noexcept override;
  [[nodiscard]] int begin_job(thread_pool& pool, wring::detail::pool_job& job) noexcept override;
  [[nodiscard]] bool withdraw_job(thread_pool& pool, wring::detail::pool_job& job, bool given_up) noexcept override;
  void random(std::span<std::byte> into) override;
  [[nodiscard]] descriptors open_descriptors() const override;
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept override;

  void cancel(operation& op) noexcept override;
  void cancel_all() noexcept override;
  unsigned turn(std::int64_t deadline, unsigned limit) override;
  void wake() noexcept override;
  void shut_down() noexcept override;
  [[nodiscard]] std::int64_t now() const noexcept override;
  [[nodiscard]] std::string explain() const override;

 private:
  struct ready {
    operation* op;
    std::int64_t due;
  };

  [[nodiscard]] socket* find(int fd) const noexcept;
  /// The fault of a call on a number that is no socket of this engine.
  [[nodiscard]] int no_socket(int fd, const char* call) const noexcept;
  [[nodiscard]] int not_simulated(const char* call, std::int64_t which = 0) const noexcept;
  /// The lowest number that is free, for this socket; -EMFILE if there are too many.
  [[nodiscard]] int number(std::shared_ptr<socket> s) noexcept;
  [[nodiscard]] socket* open(int& fd) noexcept;
  void end(socket& s) noexcept;
  int called(trace::call which, int fd, int result) noexcept;
  int note_opened(int fd) noexcept;
  [[nodiscard]] int address_into(const socket& s, const net::socket_address& a,
                                 std::span<std::byte> into) const noexcept;

  void enqueue(operation& op, std::uint8_t state, bool may_be_late) noexcept;
  void wait(operation& op, socket& s);
  void end_uses(socket& s, int fd);
  bool run(operation& op);
  [[nodiscard]] std::int32_t attempt(operation& op, socket& s);
  [[nodiscard]] std::int32_t connect(operation& op, socket& s);
  [[nodiscard]] std::int32_t accept(socket& s, accepted_address* told);
  [[nodiscard]] std::int32_t receive(socket& s, std::span<std::byte> into, int flags);
  [[nodiscard]] std::int32_t receive_message(socket& s, ::msghdr& message, int flags);
  [[nodiscard]] std::int32_t receivable(socket& s) noexcept;
  [[nodiscard]] std::int32_t send(socket& s, std::span<const std::byte> bytes);
  [[nodiscard]] std::int32_t send(socket& s, const ::msghdr& message);
  [[nodiscard]] std::int32_t sendable(socket& s) noexcept;
  [[nodiscard]] static std::int32_t polled(const socket& s, std::uint32_t wanted) noexcept;
  bool receive_multishot(operation& op, socket& s);
  // Datagrams
  [[nodiscard]] int bind_to_any(socket& s) noexcept;
  /// Whether the socket can send there: 0 or -errno. Not mapped, and no longer unspecified after that.
  [[nodiscard]] std::int32_t destination_of(const socket& s, net::socket_address& to) const noexcept;
  [[nodiscard]] std::int32_t connect_datagrams(socket& s, net::socket_address to);
  [[nodiscard]] std::int32_t send_datagram(socket& s, const ::msghdr& message);
  [[nodiscard]] std::int32_t receive_datagram(socket& s, ::msghdr& into, int flags);
  /// 1 if there is a datagram, -EAGAIN if there is none; a fault is told with that.
  [[nodiscard]] static std::int32_t has_datagram(socket& s) noexcept;
  bool receive_messages(operation& op, socket& s);
  // Unix sockets
  using passed_sockets = std::vector<std::shared_ptr<socket>>;
  [[nodiscard]] int open_unix(int type, int protocol) noexcept;
  [[nodiscard]] int bind_unix(socket& s, const ::sockaddr& address, std::uint32_t size) noexcept;
  [[nodiscard]] int connect_unix(socket& s, const ::sockaddr& address, std::uint32_t size);
  [[nodiscard]] int set_unix_option(socket& s, int level, int name, int value) noexcept;
  /// The size of the option's value or -errno; none if all sockets have it.
  [[nodiscard]] static std::optional<int> unix_option(socket& s, int name, std::span<std::byte> value) noexcept;
  [[nodiscard]] std::int32_t accept_unix(socket& s, accepted_address* told);
  [[nodiscard]] std::int32_t send_unix(socket& s, const ::msghdr& message);
  [[nodiscard]] std::int32_t receive_unix(socket& s, ::msghdr& into, int flags);
  /// What is passed on with a message: 0 or -errno.
  [[nodiscard]] int take_passed(const ::msghdr& message, passed_sockets& passed) noexcept;
  void note_passed(const passed_sockets& passed, std::weak_ptr<unix_socket> receiver);
  void put_control(const socket& s, ::msghdr& into, bool with_credentials, passed_sockets&& passed) noexcept;
  std::int32_t note_sent(const socket& s, std::size_t bytes);

  void finish(operation& op, completion c);
  void deliver_more(operation& op, completion c);
  unsigned run_ready(unsigned limit);
  unsigned run_jobs();
  void pass_time(std::int64_t deadline, unsigned limit, unsigned& delivered);
  [[noreturn]] void report_deadlock();

  std::unique_ptr<network> own_world_;
  std::unique_ptr<machine> own_home_;
  machine& home_;
  network& net_;
  std::atomic<bool> woken_ = false;
  bool introduced_ = false;
  std::vector<std::shared_ptr<socket>> sockets_;                     // by number
  std::vector<std::weak_ptr<unix_socket>> keep_descriptors_;         // in what they have not received
  std::priority_queue<int, std::vector<int>, std::greater<>> free_;  // the lowest is used again first
  std::size_t open_ = 0;
  std::deque<ready> ready_;
  std::vector<wring::detail::pool_job*> jobs_;
};

/// Runs as the only host of a world without faults, with the seed in WRING_SEED.
class lone_machine final : public machine {
 public:
  using machine::machine;
  void step() override {}  // its scheduler runs by itself
};

}  // namespace wring::sim::detail
