// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/descriptor.hpp>

namespace wring::net::detail {

/// What a `file` owns, and its waits refer to.
struct WRING_API file_state {
  file_state(descriptor opened, std::string name) noexcept : fd(std::move(opened)), path(std::move(name)) {}

  /// The end of the path, for errors.
  [[nodiscard]] error_address address() const noexcept;
  /// The fault `number` of an operation.
  [[nodiscard]] error fault(int number, const char* operation) const noexcept;
  [[nodiscard]] error fault(errc code, const char* operation) const noexcept;
  /// Throws it with the whole path.
  [[noreturn]] void raise(const error& e) const;

  descriptor fd;
  const std::string path;
  std::uint64_t position = 0;  ///< of sequential reads and writes
  unsigned waits = 0;          ///< tasks that are suspended on it
  bool in_sequence = false;    ///< one of them reads or writes sequentially
  bool torn = false;           ///< a sequential write has ended half way
  bool write_ended = false;    ///< by shut_down_write
  bool in_memory = false;      ///< all of it, as somebody has found out shortly before
};

/// Counts work with the descriptor as a task that is suspended on the file: it is neither closed nor destroyed
/// meanwhile.
class WRING_API file_use {
 public:
  /// Throws errc::closed, with the operation's name, if it is closed.
  file_use(file_state* s, const char* operation);
  file_use(const file_use&) = delete;
  file_use& operator=(const file_use&) = delete;
  ~file_use() { --state_->waits; }

 private:
  file_state* state_;
};

}  // namespace wring::net::detail
