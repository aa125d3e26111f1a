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
};

}  // namespace wring::net::detail
