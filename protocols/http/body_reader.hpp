// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/detail/exchange.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http {

/// The body of a request: a `net::byte_source`. Nothing of it is read before it is asked for, which is the client's
/// back-pressure. If the client waits for `100 Continue`, the first read sends it; a handler that answers without
/// reading never asks for the body.
///
/// Reading throws status_error for what the client has done wrong (400, 408, 413), which becomes the answer, and
/// io_error if the connection has ended within the body (errc::unexpected_eof) or failed.
class WRING_API body_reader {
 public:
  /// For the library.
  explicit body_reader(detail::exchange& x) noexcept : exchange_(&x) {}
  body_reader(const body_reader&) = delete;
  body_reader& operator=(const body_reader&) = delete;

  /// See `net::byte_source`: the next bytes, an empty lease at the end. The lease may outlive the request.
  [[nodiscard]] task<buffer_lease> read_some() { return exchange_->read_body(); }
  /// All that is left. Throws status_error 413 beyond `limit`, in bytes.
  [[nodiscard]] task<std::string> text(std::size_t limit = std::size_t{1024} * 1024);
  [[nodiscard]] task<std::vector<std::byte>> bytes(std::size_t limit = std::size_t{1024} * 1024);

  /// What Content-Length says, 0 if there is no body; none if the size is not known before the end.
  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept;
  /// Whether the client waits for `100 Continue`, which has not been sent.
  [[nodiscard]] bool expects_continue() const noexcept { return exchange_->in.expects_continue; }
  /// Sends it now, if the client waits for it.
  [[nodiscard]] task<> send_continue() { return exchange_->send_continue(); }
  /// The fields behind the body, once it has ended; they refer to the request's memory.
  [[nodiscard]] const fields& trailers() const noexcept { return exchange_->in.trailers; }

 private:
  detail::exchange* exchange_;
};

}  // namespace wring::http
