// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/queued_write.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tls/detail/tls_engine.hpp>

namespace wring::net::tls::detail {

class tls_link;

/// What a read waits for.
class read_goal {
 public:
  /// True: the outcome is there.
  virtual bool look(tls_link& link) noexcept = 0;
  virtual void fail(const error& e) noexcept = 0;

 protected:
  ~read_goal() = default;
};

/// A TLS stream, at a stable address: the engine, the stream below, and who reads and writes.
class WRING_API tls_link final : net::detail::queued_write {
 public:
  explicit tls_link(any_stream lower) noexcept : owned_(std::move(lower)), lower_(owned_) {}
  explicit tls_link(stream_ref lower) noexcept : lower_(lower) {}
  tls_link(const tls_link&) = delete;
  tls_link& operator=(const tls_link&) = delete;
  /// Says to the peer that nothing more follows, if that can be done without waiting, and if it is so.
  ~tls_link();

  [[nodiscard]] tls_engine& engine() noexcept { return engine_; }
  [[nodiscard]] stream_ref lower() const noexcept { return lower_; }
  [[nodiscard]] const stream_security& security() const noexcept { return security_; }
  [[nodiscard]] error_address peer_address() const noexcept { return lower_.peer_address(); }

  /// Reads until there is a whole record, before anything is made for the connection. Throws io_error.
  task<> receive_first_record();
  /// Throws io_error. `slow`: on another thread.
  task<> handshake(bool slow);

  // Reading.

  [[nodiscard]] bool reading() const noexcept { return reading_; }
  /// The next bytes without waiting; none if more must be received first.
  [[nodiscard]] std::optional<result<std::size_t>> take(std::span<std::byte> into) noexcept;
  [[nodiscard]] std::optional<result<buffer_lease>> take() noexcept;
  /// Puts bytes back in front.
  void give_back(std::span<const std::byte> bytes) noexcept;
  void give_back(buffer_lease&& bytes) noexcept;
  /// Receives until the goal is content.
  task<> fill(read_goal& goal);

  // Writing.

  task<> write(std::span<const std::span<const std::byte>> parts, result<void>& outcome);
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept;
  task<> shut_down_write();
  task<> close();
  void abort() noexcept;

 private:
  class occupied;
  class tearing;
  class cut_off;

  [[nodiscard]] error about(errc code, const char* operation) const noexcept;
  [[nodiscard]] error named(const error& e) const noexcept;
  /// Why nothing can be written.
  [[nodiscard]] std::optional<error> write_obstacle() const noexcept;
  [[nodiscard]] std::optional<error> read_obstacle() const noexcept;
  /// What a step of reading that is not done comes to; none if more must be received first.
  [[nodiscard]] std::optional<error> read_fault(tls_step step) noexcept;
  /// Encrypts from `part` and `offset` on, up to `most` bytes. Returns how many; none: it has failed.
  [[nodiscard]] std::optional<std::size_t> encrypt(std::span<const std::span<const std::byte>>& parts,
                                                   std::size_t& offset, std::size_t most) noexcept;
  /// Sends what reading has put out, if nobody else is sending.
  task<> flush_from_reader();
  task<> say_goodbye();

  // Bytes of a try_write that the stream below had no room for.
  std::size_t parts(std::span<std::span<const std::byte>> into) noexcept override;
  void written(std::size_t count) noexcept override;
  void ended(const error* fault) noexcept override;

  any_stream owned_;
  stream_ref lower_;
  tls_engine engine_;
  stream_security security_;
  buffer_lease returned_;
  buffer_lease posted_;
  mutex::guard posting_;  // of sending_
  mutex sending_;
  std::optional<error> write_fault_;
  std::size_t torn_ = 0;
  bool established_ = false;
  bool reading_ = false;
  bool input_ended_ = false;  // by the peer's message
  bool truncated_ = false;    // without it
  bool out_of_memory_ = false;
  bool shut_ = false;
  bool closed_ = false;
  bool write_torn_ = false;
};

}  // namespace wring::net::tls::detail
