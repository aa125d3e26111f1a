// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/callback/call_later.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/detail/connection.hpp>
#include <wring/protocols/http/detail/exchange.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/incoming_body.hpp>
#include <wring/protocols/http/detail/route_match.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http::detail {

/// A request of HTTP/1 and its answer.
class h1_exchange final : public exchange {
 public:
  /// What becomes of the connection.
  enum class after : std::uint8_t { reuse, close, linger, abort };

  explicit h1_exchange(connection& c);
  static void* operator new(std::size_t size) { return wring::detail::frame_recycler::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    wring::detail::frame_recycler::deallocate(memory, size);
  }
  h1_exchange(const h1_exchange&) = delete;
  h1_exchange& operator=(const h1_exchange&) = delete;
  ~h1_exchange() {
    if (connection_.server.is_observed() && !switched_) record();
    drop_slots();  // they may refer to the head
  }

  /// Parses what the connection has. Grows the memory as the limits allow.
  [[nodiscard]] head_parser::status parse_head();
  [[nodiscard]] bool head_begun() const noexcept { return parser_.begun(); }
  /// When the head must be complete: `limits.head` after the first call.
  [[nodiscard]] steady_clock::time_point head_deadline() noexcept;
  /// The head could not be read.
  void refuse_head(int status);

  [[nodiscard]] bool body_complete() const noexcept { return body_.complete(); }

  /// Looks at the head that has been parsed. False: the answer is an error, which has been set.
  [[nodiscard]] bool begin();
  [[nodiscard]] const route_entry& route() const noexcept { return *route_; }
  /// Sets the answer that an exception becomes.
  void fail(const std::exception_ptr& failure) noexcept;
  /// Sets an error page; fields that were set are dropped.
  void fail(int status, std::string_view text) noexcept;
  /// The handler was cancelled.
  void dropped_handler() noexcept { handler_cut_ = true; }
  void end_handler_deadline() noexcept {
    if (handler_deadline.active()) handler_deadline.cancel();
  }

  /// Completes the answer as far as that takes no waiting, which mostly is all of it, and decides what becomes of the
  /// connection. None: `finish` is to do the rest.
  [[nodiscard]] std::optional<after> finish_at_once();
  /// Sends what is left of the answer, and reads what is left of the request.
  [[nodiscard]] task<after> finish();

  /// The handler has taken too long.
  void fail_handler() noexcept {
    connection_.server.met(met_limit::route_timeout);
    fail(503, {});
  }

  /// Counts the request, and writes a line about it to the server's log, if there are such.
  void record() const noexcept;

  [[nodiscard]] task<buffer_lease> read_body() override;
  [[nodiscard]] task<> send_continue() override;
  [[nodiscard]] task<> write_body(std::span<const std::span<const std::byte>> parts) override;
  [[nodiscard]] task<> write_body(std::span<const std::byte> data) override;
  [[nodiscard]] task<> write_body(net::file& from, std::uint64_t offset, std::uint64_t count) override;
  [[nodiscard]] task<> end_body() override;
  [[nodiscard]] task<> inform(int status) override;
  [[nodiscard]] task<net::any_stream> upgrade(std::string_view protocol) override;
  [[nodiscard]] bool peer_gone() const noexcept override { return connection_.gone; }

  request rq;
  response rs;
  delayed_call handler_deadline;

 private:
  enum class framing : std::uint8_t { none, length, chunked, until_close };

  /// Whom a trusted proxy names takes its place.
  void apply_forwarding() noexcept;
  [[nodiscard]] buffer_lease next_piece();
  /// Reads what a handler has left, and drops it. False: it is too long, or broken.
  [[nodiscard]] task<bool> drop_body();
  /// How long more of the body may take.
  [[nodiscard]] duration body_patience() const noexcept;
  [[noreturn]] void refuse_body(int status, const char* why);

  /// Makes the answer of a handler that has not written it, up to a body that is too long to be copied.
  void complete_answer();
  /// What becomes of the connection; none: something of the request is still to be read.
  [[nodiscard]] std::optional<after> answer_ended() noexcept;
  void decide_reuse();
  /// The program is to stop, and no further request has arrived.
  [[nodiscard]] bool last_of_connection() const noexcept;
  /// Before so many bytes of the body are written: the head goes before the first.
  void check_length(std::uint64_t more);
  /// `following`: for so many bytes of the body there will be room behind it, too.
  void append_head(framing how, std::size_t following = 0);
  /// The line of the status, and the Date.
  void append_start(int status);
  /// What an upgrade would have to be to.
  void append_offer();
  void append_fields(const response_field* first);
  void append_chunk_size(std::uint64_t size);
  void append_end();
  [[nodiscard]] bool has_no_body() const noexcept { return out.status == 204 || out.status == 304; }
  [[nodiscard]] bool hides_body() const noexcept { return in.method == method::head || has_no_body(); }
  /// To the client, a success of CONNECT would be the beginning of a tunnel.
  [[nodiscard]] bool is_false_tunnel() const noexcept { return in.method == method::connect && out.status < 300; }
  void refuse_false_tunnel() noexcept;
  /// Throws if the client has not asked for the protocol, or the handler may not switch to it.
  void check_upgrade(std::string_view protocol);
  /// Sends what switches the protocol, and ends the request.
  [[nodiscard]] task<> switch_protocol(std::string_view protocol);
  /// Gives the memory back, but what slots are in.
  void forget_request() noexcept;
  /// Does not return if the client has gone and the handler is cancelled.
  [[nodiscard]] task<> vanish();

  struct body_state {
    duration waited;  // for it
    bool failed = false;
    bool being_read = false;
  };

  connection& connection_;
  buffer_lease first_block_;  // where the head begins
  head_parser parser_;
  head_store store_;
  buffer_lease head_block_;  // where the head is too long for the first block
  incoming_body body_;
  body_state in_;
  const route_entry* route_ = nullptr;
  std::int64_t begun_ = 0;  // if it is observed
  steady_clock::time_point head_deadline_ = {};
  framing framing_ = framing::none;
  bool deadline_set_ = false;
  bool persistent_ = false;   // as far as the request says
  bool reuse_ = false;        // what the answer says
  bool failed_late_ = false;  // after the head was sent
  bool handler_cut_ = false;
  bool body_unsent_ = false;  // it is long
  bool answered_ = false;     // to the end
  bool switched_ = false;     // the protocol
};

}  // namespace wring::http::detail
