// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/protocols/http/content/file_answer_options.hpp>
#include <wring/protocols/http/detail/encoded_body.hpp>
#include <wring/protocols/http/detail/exchange.hpp>

namespace wring::http {

/// The answer to a request, as a handler is passed it. Either it is whole (`text`, `json`, `body` and so on): then it
/// is sent when the handler has returned, and can be changed until then. Or its body is written piece by piece: it is a
/// `net::byte_sink`, and the first `write_all` sends the head; later changes of the head throw std::logic_error.
///
/// A handler that returns without either has answered with an empty body. One that throws after the head was sent cuts
/// the connection, so that the client cannot take what it has for the whole.
///
/// Nothing that a handler writes fails because the client has gone: its task is cancelled instead. One thread.
class WRING_API response {
 public:
  /// For the library.
  explicit response(detail::exchange& x) noexcept : exchange_(&x) {}
  response(const response&) = delete;
  response& operator=(const response&) = delete;

  /// 200 to 599: std::invalid_argument otherwise.
  response& status(int code);
  [[nodiscard]] int status() const noexcept { return out().status; }
  /// Sets a field, in place of those of that name. Throws std::invalid_argument if the name is no token, the value has
  /// controls (line ends would begin another field), or the field is the connection's own: Connection, Keep-Alive,
  /// Transfer-Encoding, Upgrade. The texts are copied.
  response& header(std::string_view name, std::string_view value);
  /// Adds a field beside those of that name.
  response& append(std::string_view name, std::string_view value);
  /// Removes the fields of that name.
  response& remove(std::string_view name);
  /// The value of the first field of that name that has been set.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// Whether `element` is in the list of a field of that name (RFC 9110, section 5.6.1), whatever its case.
  [[nodiscard]] bool lists(std::string_view name, std::string_view element) const noexcept;
  /// Announces how many bytes will be written. Writing more throws std::logic_error; the handler's returning after
  /// fewer cuts the connection. Throws std::logic_error if the answer is whole, and of another length.
  response& content_length(std::uint64_t bytes);

  /// How many bytes the body has, as far as that is known by now: those of a whole answer, or what was announced.
  [[nodiscard]] std::optional<std::uint64_t> known_length() const noexcept {
    if (out().has_body) return out().body.size();
    return out().length;
  }

  /// A whole answer. The text is copied. Content-Type is set unless the handler has done so.
  void text(std::string_view body);
  void html(std::string_view body);
  void json(std::string_view body);
  /// The same without copying.
  void body(std::string body, std::string_view type);
  /// The same with bytes that others share, or a part of them: `count` bytes from `offset` on, or as many as there are.
  void body(net::shared_bytes body, std::string_view type, std::size_t offset = 0,
            std::size_t count = std::string_view::npos);
  /// A file, as `static_files` answer one: with its type, validators, conditions and ranges. 404 if there is none, or
  /// it is no regular file. The path is the program's own: nothing of it may come from a request.
  [[nodiscard]] task<> file(std::string path, file_answer_options options = {});
  void empty();
  /// 303: to be fetched with GET. Throws std::invalid_argument for a status that is not 300 to 399.
  void redirect(std::string_view to, int code = 303);
  /// An error page: what a status_error becomes, without throwing. 400 to 599.
  void fail(int code, std::string_view text = {});
  /// What fail was told besides the status, for a page of one's own.
  [[nodiscard]] std::string_view failure() const noexcept { return out().failure; }

  /// See `net::byte_sink`. Sent at once; waits while the client takes nothing. An empty write sends the head. One task
  /// writes at a time. A write that is cancelled before it is complete cuts the connection, and so cancels the handler.
  [[nodiscard]] task<> write_all(std::span<const std::byte> data) {
    if (out().encoder != nullptr) return detail::write_encoded(*exchange_, *this, data);
    return exchange_->write_body(data);
  }
  [[nodiscard]] task<> write_all(std::string_view text) { return write_all(std::as_bytes(std::span(text))); }
  [[nodiscard]] task<> write_all(std::span<const std::span<const std::byte>> parts) {
    if (out().encoder != nullptr) return detail::write_encoded(*exchange_, *this, parts);
    return exchange_->write_body(parts);
  }
  /// Ends the body, which the handler's returning does too.
  [[nodiscard]] task<> shut_down_write() {
    if (out().encoder != nullptr) return detail::end_encoded(*exchange_);
    return exchange_->end_body();
  }
  /// Writes a part of a file, as `net::send_file` does: to a connection without TLS the kernel sends it. A file that
  /// has fewer bytes cuts the connection.
  [[nodiscard]] task<> write_file(net::file& from, std::uint64_t offset, std::uint64_t count);
  /// Lets the body go through `e`, if that wants to, when the head is complete; see `encoder`. It must live until the
  /// request has ended: `rq.emplace` makes it so. Throws std::logic_error if the head has been sent.
  response& encode_with(encoder& e);
  /// For the library: adds a Set-Cookie in place of those whose values begin so.
  response& replace_cookie(std::string_view name_and_equals, std::string_view value);
  /// For the library: decides whether the body is encoded, now that its head is complete.
  [[nodiscard]] bool begin_encoding();
  [[nodiscard]] bool head_sent() const noexcept { return out().head_sent; }
  /// Whether a body that was written piece by piece has been ended.
  [[nodiscard]] bool ended() const noexcept { return out().ended; }
  /// Sends an interim answer, 102 to 199 but 101, with the fields set so far: 103 tells a browser what to load already.
  /// Clients of HTTP/1.0 are sent none.
  [[nodiscard]] task<> inform(int code) { return exchange_->inform(code); }
  /// Goes on with another protocol than HTTP: answers 101 with the fields set so far and `protocol`, which the client
  /// must have asked for (RFC 9110, section 7.8); or, for CONNECT, makes a tunnel: answers 200, or the 2xx that was
  /// set, and `protocol` is empty. Returns the connection, beginning with what the client has sent behind the request.
  /// If the client has not asked for it, throws status_error 426, which names the protocol. A body that has not been
  /// read is dropped, up to `server_limits::drained_body`: 413 beyond it. Throws std::logic_error if the request has
  /// been answered, or is not of that kind.
  ///
  /// The request ends with this, and its memory is given back: of `rq` only `peer()` and what `emplace` has made are
  /// left. The access log has its line. Limits of time of the request and its route no longer apply; the connection
  /// still counts, has `server_limits::grace` after a stop, which `until_stopping` tells, and the client's
  /// disappearance, though not its ending its side, cancels the handler. The stream is the handler's: when that
  /// returns, the connection is closed as it is after a last answer, and when it throws, cut; what is left of the
  /// stream then is closed.
  [[nodiscard]] task<net::any_stream> upgrade(std::string_view protocol = {}) { return exchange_->upgrade(protocol); }
  /// Throws the status_error 426 that names the protocol, for a handler that speaks nothing else.
  [[noreturn]] void demand_upgrade(std::string_view protocol);
  /// A field behind a body that is written piece by piece; see header(). Clients that are sent no chunks do not get it.
  response& trailer(std::string_view name, std::string_view value);
  /// Whether the client has gone, and what is written is dropped.
  [[nodiscard]] bool peer_gone() const noexcept { return exchange_->peer_gone(); }

 private:
  void whole();
  /// The same, with this Content-Type unless there is one; the text is not copied.
  void whole_of_type(std::string_view literal);
  void check_open() const;
  [[nodiscard]] detail::response_field* make_field(std::string_view name, std::string_view value);
  [[nodiscard]] detail::outgoing& out() const noexcept { return exchange_->out; }

  detail::exchange* exchange_;
};

}  // namespace wring::http
