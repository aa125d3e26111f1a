// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/protocols/http/body_reader.hpp>
#include <wring/protocols/http/detail/exchange.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http {

/// The version in which a request has come.
enum class version : std::uint8_t { http_1_0, http_1_1, http_2 };

/// Who has sent a request.
struct peer_info {
  /// The client's: what the connection's stream says, which is whom a `net::proxy_listener`'s header names, or whom a
  /// proxy forwards for that `server::trust` knows (its port is 0 then). Empty where the stream has none.
  error_address address;
  const net::stream_security* security = nullptr;  ///< of the connection; null: not secured
  error_address proxy = {};                        ///< who has connected, if that has forwarded it for the client
};

/// A request, as a handler is passed it. Everything that it returns refers to the request's memory: it is valid until
/// the handler and the middleware around it have ended. One thread.
class WRING_API request {
 public:
  /// For the library.
  explicit request(detail::exchange& x) noexcept : exchange_(&x), body_(x) {}
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  [[nodiscard]] http::method method() const noexcept { return in().method; }
  /// As it was sent, for methods that are `other`.
  [[nodiscard]] std::string_view method_text() const noexcept { return in().method_text; }
  [[nodiscard]] http::version version() const noexcept {
    return in().minor == 0 ? http::version::http_1_0 : http::version::http_1_1;
  }
  /// As it was sent: usually path and query.
  [[nodiscard]] std::string_view target() const noexcept { return in().target; }
  /// Without dot segments and query; its escapes are valid, none is a zero byte, and they are not decoded. "*" for
  /// OPTIONS of the server, empty for CONNECT.
  [[nodiscard]] std::string_view path() const noexcept { return in().path; }
  /// "http" or "https": as it was sent, or as a trusted proxy says that the client has sent it.
  [[nodiscard]] std::string_view scheme() const noexcept { return in().scheme; }
  /// The host and maybe port that the client means. Empty if it does not say (HTTP/1.0).
  [[nodiscard]] std::string_view authority() const noexcept { return in().authority; }

  [[nodiscard]] const fields& headers() const noexcept { return in().headers; }
  /// The value of the first field of this name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
    return in().headers.find(name);
  }
  /// The query's text, without the question mark.
  [[nodiscard]] std::string_view query() const noexcept { return in().query; }
  /// The value of the query's first parameter of this name, decoded, as query_value() is. Throws std::bad_alloc.
  [[nodiscard]] std::optional<std::string_view> query(std::string_view name) const;
  /// The value of the first cookie of this name (RFC 6265), as it was sent.
  [[nodiscard]] std::optional<std::string_view> cookie(std::string_view name) const noexcept;
  /// Whether the client asks to go on with that protocol, see response::upgrade. "websocket" is asked for by
  /// "WebSocket", and "h2c" by "h2c/1", too.
  [[nodiscard]] bool asks_for(std::string_view protocol) const noexcept;
  /// What the route has captured as `{name}`, decoded. Throws std::out_of_range if the route has no such part.
  [[nodiscard]] std::string_view param(std::string_view name) const;

  [[nodiscard]] body_reader& body() noexcept { return body_; }
  [[nodiscard]] peer_info peer() const noexcept { return {in().peer, in().security, in().proxy}; }

  /// Keeps a T for the rest of the request: what a middleware has found out, for the handler. Destroyed in reverse
  /// order when the request has ended. Throws std::logic_error if there is one already.
  template <class T, class... Args>
  T& emplace(Args&&... args) {
    if (find<T>() != nullptr) throw std::logic_error("the request has a slot of this type already");
    auto* const slot = exchange_->memory.make<detail::slot>();
    T* const value = exchange_->memory.make<T>(std::forward<Args>(args)...);
    *slot = {exchange_->slots, &slot_key<T>, value, [](void* v) noexcept { std::destroy_at(static_cast<T*>(v)); }};
    exchange_->slots = slot;
    return *value;
  }
  /// The T that was emplaced; null if none was.
  template <class T>
  [[nodiscard]] T* find() const noexcept {
    for (const detail::slot* s = exchange_->slots; s != nullptr; s = s->before) {
      if (s->type == &slot_key<T>) return static_cast<T*>(s->value);
    }
    return nullptr;
  }
  /// The same. Throws std::logic_error if none was, which is answered 500: a route that lacks its authentication lets
  /// nobody in.
  template <class T>
  [[nodiscard]] T& get() const {
    if (T* const value = find<T>(); value != nullptr) return *value;
    throw std::logic_error("the request has no slot of this type: which middleware should have made it?");
  }

 private:
  template <class T>
  static constexpr char slot_key = 0;

  [[nodiscard]] const detail::incoming& in() const noexcept { return exchange_->in; }

  detail::exchange* exchange_;
  body_reader body_;
};

}  // namespace wring::http
