// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/protocols/http/client/client_response.hpp>
#include <wring/protocols/http/web/response_error.hpp>

namespace wring::web {

/// An answer to a request of an `agent`'s, at its head: Twisted's `twisted.web.iweb.IResponse`. Nothing of its body is
/// read before it is delivered, once: by deliver_body or read_body. Dropped before that, the connection ends. It must
/// be gone before its client, and before its agent's nursery. One thread.
class WRING_API client_response final : public std::enable_shared_from_this<client_response> {
 public:
  /// For the library.
  client_response(http::client_response answer, nursery& parent)
      : answer_(std::move(answer)), nursery_(parent), code_(answer_->status()) {}

  [[nodiscard]] int code() const noexcept { return code_; }
  /// The answer, for what is not here, and for coroutines. Throws std::logic_error once its body has failed.
  [[nodiscard]] http::client_response& underlying();
  [[nodiscard]] std::string_view phrase() { return underlying().reason(); }
  [[nodiscard]] http::fields headers() { return underlying().headers(); }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) { return underlying().header(name); }
  /// How long the body is; none if that is not known before its end: Twisted's UNKNOWN_LENGTH.
  [[nodiscard]] std::optional<std::uint64_t> length() { return underlying().body().length(); }
  /// What has answered: where redirects have led.
  [[nodiscard]] const http::absolute_url& url() { return underlying().url(); }

  /// Runs `to` over the body, as a protocol over a connection that only receives: what it writes is dropped. Its
  /// connection_made is called before this returns, and so is what follows from bytes that have come already.
  /// connection_lost is passed `response_done`, `potential_data_loss` or `response_failed`, or what a callback has
  /// thrown. The transport can be paused; ending it ends the connection, unless the rest has come already. The end of
  /// the agent's nursery ends it too.
  ///
  /// Throws std::logic_error if the body has been delivered before, std::invalid_argument for null.
  void deliver_body(std::shared_ptr<net::protocol> to);

 private:
  class body_stream;
  class body_receiver;
  friend WRING_API deferred<std::string> read_body(const std::shared_ptr<client_response>& rs, std::size_t limit);

  void begin();
  [[nodiscard]] static task<> deliver(std::shared_ptr<client_response> from, std::shared_ptr<net::protocol> to);
  [[nodiscard]] static task<std::string> collect(std::shared_ptr<client_response> from, std::size_t limit);

  std::optional<http::client_response> answer_;
  nursery& nursery_;
  int code_;
  bool begun_ = false;
};

/// All of an answer's body: Twisted's readBody. Fails with `partial_download_error` where nobody can tell whether it is
/// all; with io_error, errc::limit_exceeded, beyond `limit` bytes; and with what else reading it throws. Cancelling it
/// ends the connection. Throws std::logic_error if the body has been delivered before.
[[nodiscard]] WRING_API deferred<std::string> read_body(const std::shared_ptr<client_response>& rs,
                                                        std::size_t limit = std::size_t{1024} * 1024);

}  // namespace wring::web
