// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>

#include <wring/core/engine/engine.hpp>

namespace wring::detail {

/// What the engines on Linux have in common: the control calls, sends and accepts that do not wait, the clock and the
/// doorbell.
class WRING_API kernel_engine : public engine {
 public:
  ~kernel_engine() override;

  [[nodiscard]] std::int32_t attempt_send(int fd, std::span<const std::byte> bytes) noexcept override;
  [[nodiscard]] std::int32_t attempt_send(int fd, const ::msghdr& message) noexcept override;
  [[nodiscard]] std::int32_t attempt_send_to(int fd, std::span<const std::byte> bytes, const ::sockaddr* to,
                                             std::uint32_t to_size) noexcept override;
  [[nodiscard]] std::int32_t attempt_send_file(int fd, int file, std::uint64_t offset,
                                               std::size_t count) noexcept override;
  [[nodiscard]] bool is_cached(int file, std::uint64_t offset, std::size_t count) noexcept final;
  [[nodiscard]] std::int64_t size_of(int file) noexcept final;
  [[nodiscard]] std::int32_t attempt_accept(int fd) noexcept override;

  [[nodiscard]] int open_socket(int family, int type, int protocol) noexcept override;
  [[nodiscard]] int bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept override;
  [[nodiscard]] int listen(int fd, int backlog) noexcept override;
  [[nodiscard]] int set_option(int fd, int level, int name, std::span<const std::byte> value) noexcept override;
  [[nodiscard]] int get_option(int fd, int level, int name, std::span<std::byte> value) noexcept final;
  [[nodiscard]] int local_address(int fd, std::span<std::byte> into) noexcept final;
  [[nodiscard]] int peer_address(int fd, std::span<std::byte> into) noexcept final;
  [[nodiscard]] int shut_down_socket(int fd, int how) noexcept final;
  [[nodiscard]] int open_socket_pair(int type, std::array<int, 2>& made) noexcept override;
  [[nodiscard]] int bind_file(int fd, const ::sockaddr& address, std::uint32_t size, const socket_file_options& options,
                              socket_file& made) noexcept final;
  void remove_file(const char* path, const socket_file& file) noexcept final;
  [[nodiscard]] int make_blocking(int fd) noexcept final;
  void close_descriptor(int fd) noexcept final;
  [[nodiscard]] descriptors open_descriptors() const final;
  void random(std::span<std::byte> into) final;
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept final;

  void wake() noexcept final;
  [[nodiscard]] std::int64_t now() const noexcept final {
    ::timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  }

 protected:
  /// Throws io_error.
  kernel_engine(const buffer_pool_options& buffers, bool batches_sends);

  /// The eventfd that wake() writes to.
  [[nodiscard]] int doorbell() const noexcept { return doorbell_.fd; }
  /// Empties it, so that it becomes readable again only with the next ring.
  void silence_doorbell() noexcept;

 private:
  struct eventfd_owner {
    int fd;
    eventfd_owner();
    eventfd_owner(const eventfd_owner&) = delete;
    eventfd_owner& operator=(const eventfd_owner&) = delete;
    ~eventfd_owner();
  };
  eventfd_owner doorbell_;
};

// For what may be made, destroyed or inspected where there is no engine.
WRING_API void close_in_kernel(int fd) noexcept;
/// Throws std::filesystem::filesystem_error where /proc cannot be read.
[[nodiscard]] WRING_API engine::descriptors open_descriptors_in_kernel();

}  // namespace wring::detail
