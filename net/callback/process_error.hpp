// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string_view>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/net/files/process_status.hpp>

namespace wring::net {

/// How a process has ended: with exit status 0.
class WRING_API process_done : public connection_done {
 public:
  process_done();
  process_done(const process_done&) noexcept = default;
  process_done& operator=(const process_done&) noexcept = default;
  ~process_done() override;
};

/// How a process has ended: with another exit status, by a signal, or nobody knows.
class WRING_API process_terminated : public connection_lost_error {
 public:
  process_terminated(const process_status& status, std::string_view program);
  process_terminated(const process_terminated&) noexcept = default;
  process_terminated& operator=(const process_terminated&) noexcept = default;
  ~process_terminated() override;

  [[nodiscard]] const process_status& status() const noexcept { return status_; }

 private:
  process_status status_;
};

/// A signal is for a process that has ended.
class WRING_API process_exited_already : public std::runtime_error {
 public:
  explicit process_exited_already(std::string_view program);
  process_exited_already(const process_exited_already&) noexcept = default;
  process_exited_already& operator=(const process_exited_already&) noexcept = default;
  ~process_exited_already() override;
};

/// A `process_done` or a `process_terminated`.
[[nodiscard]] WRING_API failure process_reason(const process_status& status, std::string_view program);

}  // namespace wring::net
