// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/client/client_request.hpp>
#include <wring/protocols/http/client/detail/h1_call.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http {

/// The body of an answer: a `net::byte_source`. Nothing of it is read before it is asked for.
///
/// Reading throws io_error: errc::unexpected_eof for one that is cut, EPROTO for one that is malformed, timeout_error
/// after `client_limits::body_progress`, and the connection's faults. What was cut never appears to be complete; but of
/// one that ends with the connection (see `may_be_cut`) nobody can tell.
class WRING_API client_body {
 public:
  /// For the library.
  explicit client_body(detail::h1_call& c) noexcept : call_(&c) {}

  /// See `net::byte_source`. The lease may outlive the answer.
  [[nodiscard]] task<buffer_lease> read_some() { return call_->read_body(); }
  /// All that is left. Throws io_error (errc::limit_exceeded) beyond `limit`, in bytes, after decoding.
  [[nodiscard]] task<std::string> text(std::size_t limit = std::size_t{1024} * 1024);
  [[nodiscard]] task<std::vector<std::byte>> bytes(std::size_t limit = std::size_t{1024} * 1024);

  /// How long it is; none if that is not known before the end. Of the answer to HEAD, how long it would be.
  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept { return call_->announced(); }
  /// Whether the end of the connection is all that ends it.
  [[nodiscard]] bool may_be_cut() const noexcept { return call_->form() == detail::body_form::until_close; }
  /// The fields behind it, once it has ended; they refer to the answer's memory.
  [[nodiscard]] fields trailers() const noexcept { return call_->trailers(); }

 private:
  detail::h1_call* call_;
};

/// An answer to a client's request, at its head. Movable; what it returns is valid until it is destroyed, which it must
/// be before its client. The connection is the client's again when the body has been read to its end; dropped before
/// that, the connection ends, unless the rest has arrived already. One thread.
class WRING_API client_response {
 public:
  /// For the library.
  client_response(std::unique_ptr<detail::h1_call> c, std::shared_ptr<const absolute_url> from) noexcept
      : call_(std::move(c)), body_(*call_), url_(std::move(from)) {}
  client_response(client_response&&) noexcept = default;
  client_response& operator=(client_response&&) noexcept = default;

  /// 101, or 200 to 999.
  [[nodiscard]] int status() const noexcept { return call_->status(); }
  /// Whether the status is 200 to 299.
  [[nodiscard]] bool ok() const noexcept { return status() >= 200 && status() < 300; }
  /// What the server says beside the status; clients must not rely on it.
  [[nodiscard]] std::string_view reason() const noexcept { return call_->reason(); }
  /// The 1 of HTTP/1.1.
  [[nodiscard]] int minor_version() const noexcept { return call_->minor(); }
  [[nodiscard]] fields headers() const noexcept { return call_->headers(); }
  /// The value of the first field of this name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
    return call_->headers().find(name);
  }
  [[nodiscard]] client_body& body() noexcept { return body_; }
  [[nodiscard]] task<std::string> text(std::size_t limit = std::size_t{1024} * 1024) { return body_.text(limit); }
  /// What has answered: where redirects have led.
  [[nodiscard]] const absolute_url& url() const noexcept { return *url_; }
  [[nodiscard]] const error_address& peer() const noexcept { return call_->peer(); }

  /// The connection, which goes on with another protocol after 101 (see client_request::upgrade), beginning with what
  /// has come behind the answer. It is the caller's, and no longer counts for the client. Throws std::logic_error if
  /// the answer is no such.
  [[nodiscard]] net::any_stream take_stream() { return call_->take_stream(); }

 private:
  std::unique_ptr<detail::h1_call> call_;
  client_body body_;
  std::shared_ptr<const absolute_url> url_;
};

/// A request whose body the caller writes, while it may read the answer: both ways at once. The body is a
/// `net::byte_sink`. Dropped before the request and its answer have ended, the connection ends. One task writes and one
/// reads at a time. It must be destroyed before its client.
class WRING_API client_exchange {
 public:
  /// For the library.
  client_exchange(std::unique_ptr<detail::h1_call> c, std::unique_ptr<client_request> q)
      : call_(c.get()), request_(std::move(q)), response_(std::move(c), request_->shared_url()) {}
  client_exchange(client_exchange&&) noexcept = default;
  client_exchange& operator=(client_exchange&&) noexcept = default;

  /// Sends the head, before the first bytes, and these. Throws io_error; std::logic_error for more than was announced.
  /// A write that fails because the server has answered and does not read on tells nothing of the answer, which can be
  /// read.
  [[nodiscard]] task<> write_all(std::span<const std::byte> data);
  [[nodiscard]] task<> write_all(std::string_view text) { return write_all(std::as_bytes(std::span(text))); }
  /// Ends the body, with the request's trailers. Throws std::logic_error if less has been written than was announced.
  [[nodiscard]] task<> shut_down_write();
  /// Waits for the answer's head: in all as long as it takes while the body is being written, `client_limits::head`
  /// when that has ended. Throws io_error.
  [[nodiscard]] task<> wait_for_response();
  /// The answer, once its head has come: std::logic_error otherwise.
  [[nodiscard]] client_response& response();

 private:
  detail::h1_call* call_;
  std::unique_ptr<client_request> request_;
  client_response response_;
};

}  // namespace wring::http
