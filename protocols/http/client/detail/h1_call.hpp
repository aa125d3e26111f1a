// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/result.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/client/client_request.hpp>
#include <wring/protocols/http/client/detail/client_pool.hpp>
#include <wring/protocols/http/client/detail/content_decoder.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/incoming_body.hpp>
#include <wring/protocols/http/detail/response_parser.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http::detail {

/// A request of HTTP/1 and its answer, at the client. It has the connection until the answer's body has ended.
class WRING_API h1_call {
 public:
  using interim_observer = client_request::interim_observer;

  h1_call(connection_use c, const asked_request& asked, const interim_observer* told);
  static void* operator new(std::size_t size) { return wring::detail::frame_recycler::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    wring::detail::frame_recycler::deallocate(memory, size);
  }
  h1_call(const h1_call&) = delete;
  h1_call& operator=(const h1_call&) = delete;
  /// What is left of the body is dropped if it has arrived; otherwise the connection ends.
  ~h1_call();

  // The request: its head is appended, and then one of the functions below sends it.

  /// The request line and Host.
  void append_start(std::string_view method, std::string_view scheme_and_authority, std::string_view target,
                    std::string_view host);
  void append_field(std::string_view name, std::string_view value);
  /// The end of the head; which body follows, of that length if it is known.
  void append_end(body_form form, std::uint64_t length);

  /// Sends a request whose body, if it has one, is this text, and reads the answer's head.
  [[nodiscard]] task<result<>> send_whole(std::string_view body);
  /// The same, of a body that a source yields. An early answer ends the sending. What the source throws is thrown.
  [[nodiscard]] task<result<>> send_from(net::byte_source_ref body, std::span<const client_request::own_field> trailers,
                                         bool waits);
  /// The parts of that, for who sends and reads at the same time.
  [[nodiscard]] task<result<>> send_head();
  [[nodiscard]] task<result<>> send_body(std::span<const std::byte> data);
  [[nodiscard]] task<result<>> end_body(std::span<const client_request::own_field> trailers);
  [[nodiscard]] task<result<>> read_head(steady_clock::time_point deadline);
  /// Until the server says that it wants the body.
  [[nodiscard]] auto wait_for_continue() noexcept { return continue_.wait(); }
  /// By when the head is to have come, if all of the request is sent now.
  [[nodiscard]] steady_clock::time_point head_deadline() const noexcept;

  [[nodiscard]] bool body_ended() const noexcept { return sent_all_; }
  /// Whether any byte of an answer has come.
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  [[nodiscard]] bool has_head() const noexcept { return has_head_; }
  [[nodiscard]] bool reused_connection() const noexcept { return reused_; }

  // The answer.

  [[nodiscard]] int status() const noexcept { return parser_.facts().status; }
  [[nodiscard]] std::uint8_t minor() const noexcept { return parser_.facts().minor; }
  [[nodiscard]] std::string_view reason() const noexcept {
    const text_range r = parser_.facts().reason;
    return {store_.text() + r.at, r.size};
  }
  [[nodiscard]] fields headers() const noexcept { return store_.all(); }
  [[nodiscard]] fields trailers() const noexcept { return body_.trailers(); }
  [[nodiscard]] body_form form() const noexcept { return body_.form(); }
  /// What Content-Length says; of a HEAD, what it would be.
  [[nodiscard]] std::optional<std::uint64_t> announced() const noexcept;
  [[nodiscard]] const error_address& peer() const noexcept { return peer_; }
  [[nodiscard]] task<buffer_lease> read_body();
  /// What has come of it already; empty: nothing, or it is read_body's to say why. Not of a body that is decoded.
  [[nodiscard]] buffer_lease try_read_body();
  /// Whether there is nothing more to be read of it, nor a fault to be told.
  [[nodiscard]] bool body_read() const noexcept {
    return !failed_ && !being_read_ && !decoder_ && form() != body_form::other && body_.complete();
  }
  /// Undoes the coding that Content-Encoding names, if the library knows it, and removes that field and Content-Length.
  void decode();
  /// The connection, with what has come behind the head, of a tunnel or an upgrade. Throws std::logic_error otherwise.
  [[nodiscard]] net::any_stream take_stream();
  /// Reads and drops what is left of the body, at most so much, so that the connection can be kept.
  [[nodiscard]] task<> drop_body(std::uint64_t most);

 private:
  [[nodiscard]] task<buffer_lease> read_encoded();
  [[nodiscard]] task<buffer_lease> read_decoded();
  [[nodiscard]] result<> head_complete();
  void grow_store();
  /// The connection is not needed any more.
  void release() noexcept;
  /// What has come of the body, without waiting.
  [[nodiscard]] buffer_lease next_piece();
  [[noreturn]] void fail_body(const error& e);
  [[nodiscard]] error refused(const refusal& why) const noexcept;
  void append_trailers(std::span<const client_request::own_field> trailers);

  connection_use use_;
  const client_limits& limits_;
  error_address peer_;
  buffer_lease head_block_;
  head_store store_;
  response_parser parser_;
  incoming_body body_;
  std::optional<content_decoder> decoder_;
  const interim_observer* told_;
  event continue_;
  std::uint64_t unsent_ = 0;  // of the request's body, if its length is known
  std::uint64_t answer_bytes_ = 0;
  body_form sends_ = body_form::none;
  bool sent_all_ = false;
  bool answered_ = false;
  bool has_head_ = false;
  bool failed_ = false;
  bool being_read_ = false;
  bool reused_ = false;
};

}  // namespace wring::http::detail
