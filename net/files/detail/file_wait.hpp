// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/result.hpp>
#include <wring/net/files/detail/file_state.hpp>

namespace wring::net::detail {

/// A wait for an operation on a file. The kernel may complete one although it was asked to cancel it.
class WRING_API file_wait : public awaiter, protected operation {
 public:
  void cancel() noexcept override;
  [[nodiscard]] wait_description describe() const noexcept override;

 protected:
  /// `s` is null, or has no descriptor: the file is closed. `in_sequence`: no other such wait may be under way.
  file_wait(file_state* s, op_code what, const char* text, bool in_sequence) noexcept;

  /// For ready(): whether the wait cannot begin; the fault is set.
  [[nodiscard]] bool refused() noexcept;
  /// For suspend().
  void begin() noexcept;
  /// The next part of it.
  void submit_again() noexcept;
  /// From ended(): the wait is over.
  void end() noexcept;
  void end_cancelled() noexcept;
  void fail(int number) noexcept { fault_ = file_->fault(number, text_); }
  /// Throws what take_result() would return.
  void raise_fault() const;

  file_state* file_;
  std::optional<error> fault_;

 private:
  /// The operation has ended with a value, or -errno.
  virtual void ended(std::int32_t value) noexcept = 0;
  void leave() noexcept;

  const char* text_;
  bool in_sequence_;
};

/// Reads bytes at an offset. Returning.
class WRING_API file_read_wait final : public leaf<file_read_wait, std::size_t, file_wait> {
 public:
  file_read_wait(file_state* s, std::uint64_t at, std::span<std::byte> into) noexcept;

  bool ready() noexcept;
  void suspend() noexcept { begin(); }
  std::size_t take();
  wring::result<std::size_t> take_result() noexcept;

 private:
  void ended(std::int32_t value) noexcept override;

  std::size_t read_ = 0;
};

/// Reads the next bytes of the sequence into a block of the scheduler's. Returning.
class WRING_API file_lease_wait final : public leaf<file_lease_wait, buffer_lease, file_wait> {
 public:
  explicit file_lease_wait(file_state* s) noexcept;

  bool ready() noexcept { return refused(); }
  void suspend() noexcept;
  buffer_lease take();
  wring::result<buffer_lease> take_result() noexcept;
  /// The next read returns them again.
  void put_back(buffer_lease& lease) noexcept;

 private:
  void ended(std::int32_t value) noexcept override;

  buffer_lease lease_;
};

/// Writes all bytes at an offset or, without one, as the next of the sequence. Delivering.
class WRING_API file_write_wait final : public leaf<file_write_wait, void, file_wait> {
 public:
  file_write_wait(file_state* s, std::span<const std::byte> bytes, std::optional<std::uint64_t> at = {}) noexcept;

  bool ready() noexcept;
  void suspend() noexcept;
  void take() const {
    if (fault_) raise_fault();
  }
  wring::result<void> take_result() const noexcept;

 private:
  void ended(std::int32_t value) noexcept override;
  void set_part() noexcept;

  std::span<const std::byte> left_;
  std::optional<std::uint64_t> at_;
  bool begun_ = false;
};

/// The end of sequential writes. Does not wait.
class WRING_API file_end_wait final : public leaf<file_end_wait, void, file_wait> {
 public:
  explicit file_end_wait(file_state* s) noexcept;

  bool ready() noexcept;
  void suspend() noexcept {}
  void take() const {
    if (fault_) raise_fault();
  }
  wring::result<void> take_result() const noexcept;

 private:
  void ended(std::int32_t) noexcept override {}
};

/// Has the file's data and facts written to the disk. Delivering.
class WRING_API file_sync_wait final : public leaf<file_sync_wait, void, file_wait> {
 public:
  explicit file_sync_wait(file_state* s) noexcept;

  bool ready() noexcept { return refused(); }
  void suspend() noexcept { begin(); }
  void take() const {
    if (fault_) raise_fault();
  }
  wring::result<void> take_result() const noexcept;

 private:
  void ended(std::int32_t value) noexcept override;
};

}  // namespace wring::net::detail
