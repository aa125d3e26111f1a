// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <wring/core/engine/engine.hpp>

namespace wring {

/// Decides which calls of an engine fail instead of being carried out, for tests. Asked on the engine's thread.
class WRING_API engine_faults {
 public:
  /// What can fail, beside operations.
  enum class call : std::uint8_t { send, accept, open_socket, bind, listen, set_option, open_socket_pair };

  virtual ~engine_faults();
  /// The errno that it fails with; 0: it is carried out. `datagrams`: it is of a socket for datagrams.
  [[nodiscard]] virtual int of(const operation& op, bool datagrams) noexcept = 0;
  [[nodiscard]] virtual int of(call which, bool datagrams) noexcept = 0;
};

namespace detail {

/// An engine some of whose calls fail. An operation that does is completed in the next turn, and is not cancelled.
template <class Engine>
class failing_engine final : public Engine {
 public:
  template <class... Args>
  explicit failing_engine(engine_faults& faults, Args&&... args)
      : Engine(std::forward<Args>(args)...), faults_(faults) {}

  void submit(operation& op) noexcept override {
    const int error_number = faults_.of(op, has_datagrams(op.fd));
    if (error_number == 0) return Engine::submit(op);
    this->note_submitted(op);
    failed_.emplace_back(&op, error_number);
  }
  void cancel(operation& op) noexcept override {
    for (const auto& [failed, error_number] : failed_) {
      if (failed == &op) return;
    }
    Engine::cancel(op);
  }
  unsigned turn(std::int64_t deadline, unsigned limit) override {
    if (failed_.empty()) return Engine::turn(deadline, limit);
    unsigned delivered = 0;
    for (const auto& [op, error_number] : std::exchange(failed_, {})) {
      const completion c(-error_number);
      this->note_completed(*op, c);
      op->on_completion(*op, c);
      ++delivered;
    }
    return delivered + Engine::turn(engine::no_wait, limit);
  }

  [[nodiscard]] std::int32_t attempt_send(int fd, std::span<const std::byte> bytes) noexcept override {
    const int e = faults_.of(engine_faults::call::send, has_datagrams(fd));
    return e != 0 ? -e : Engine::attempt_send(fd, bytes);
  }
  [[nodiscard]] std::int32_t attempt_send(int fd, const ::msghdr& message) noexcept override {
    const int e = faults_.of(engine_faults::call::send, has_datagrams(fd));
    return e != 0 ? -e : Engine::attempt_send(fd, message);
  }
  [[nodiscard]] std::int32_t attempt_send_to(int fd, std::span<const std::byte> bytes, const ::sockaddr* to,
                                             std::uint32_t to_size) noexcept override {
    const int e = faults_.of(engine_faults::call::send, has_datagrams(fd));
    return e != 0 ? -e : Engine::attempt_send_to(fd, bytes, to, to_size);
  }
  [[nodiscard]] std::int32_t attempt_send_file(int fd, int file, std::uint64_t offset,
                                               std::size_t count) noexcept override {
    const int e = faults_.of(engine_faults::call::send, false);
    return e != 0 ? -e : Engine::attempt_send_file(fd, file, offset, count);
  }
  [[nodiscard]] std::int32_t attempt_accept(int fd) noexcept override {
    const int e = faults_.of(engine_faults::call::accept, false);
    return e != 0 ? -e : Engine::attempt_accept(fd);
  }
  [[nodiscard]] int open_socket(int family, int type, int protocol) noexcept override {
    const int e = faults_.of(engine_faults::call::open_socket, type == SOCK_DGRAM);
    return e != 0 ? -e : Engine::open_socket(family, type, protocol);
  }
  [[nodiscard]] int bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept override {
    const int e = faults_.of(engine_faults::call::bind, has_datagrams(fd));
    return e != 0 ? -e : Engine::bind(fd, address, size);
  }
  [[nodiscard]] int listen(int fd, int most) noexcept override {
    const int e = faults_.of(engine_faults::call::listen, false);
    return e != 0 ? -e : Engine::listen(fd, most);
  }
  [[nodiscard]] int set_option(int fd, int level, int name, std::span<const std::byte> value) noexcept override {
    const int e = faults_.of(engine_faults::call::set_option, has_datagrams(fd));
    return e != 0 ? -e : Engine::set_option(fd, level, name, value);
  }
  [[nodiscard]] int open_socket_pair(int type, std::array<int, 2>& made) noexcept override {
    const int e = faults_.of(engine_faults::call::open_socket_pair, type == SOCK_DGRAM);
    return e != 0 ? -e : Engine::open_socket_pair(type, made);
  }

 private:
  [[nodiscard]] bool has_datagrams(int fd) noexcept {
    std::array<std::byte, sizeof(int)> type{};
    return Engine::get_option(fd, SOL_SOCKET, SO_TYPE, type) >= 0 && type[0] == std::byte{SOCK_DGRAM};
  }

  engine_faults& faults_;
  std::vector<std::pair<operation*, int>> failed_;  // to be completed
};

}  // namespace detail
}  // namespace wring
