// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

/// Events for a browser's EventSource, in an answer that goes on as long as the handler does (Server-Sent Events, as
/// the HTML standard has them):
///
///     task<> clock(http::request&, http::response& rs) {
///       http::event_stream events(rs);
///       for (;;) {
///         co_await events.send(time_now());
///         co_await sleep_for(1s);
///       }
///     }
///
/// When the client has gone, the handler is cancelled. A client that takes nothing is waited for, at most
/// `server_limits::output_progress`. Proxies cut answers that are silent for long: send a comment every 15 s or so. Its
/// functions are for one task at a time, and throw as response::write_all does. The response must outlive it.
class WRING_API event_stream {
 public:
  /// Sets the type, forbids caching, and asks nginx not to hold events back. Throws std::logic_error if the answer has
  /// been begun.
  explicit event_stream(response& rs);
  event_stream(const event_stream&) = delete;
  event_stream& operator=(const event_stream&) = delete;

  /// An event of the type `message`. `data` may have several lines, which may end with LF, CRLF or CR. It and the
  /// others need to exist only until this returns a task.
  [[nodiscard]] task<> send(std::string_view data) { return send({}, data, {}); }
  /// With a type, and an id: the browser names the last id that it has seen when it connects anew, see
  /// `last_event_id`. Empty ones are left out. Throws std::invalid_argument for a type or id with line ends, or an id
  /// with a zero byte.
  [[nodiscard]] task<> send(std::string_view type, std::string_view data, std::string_view id = {});
  /// What the browser ignores. Sends the head too, if that has not been sent.
  [[nodiscard]] task<> comment(std::string_view text = {});

 private:
  [[nodiscard]] task<> write();

  response* response_;
  std::string text_;  // its memory is kept
};

/// The id of the last event that the client has seen, which it repeats when it connects anew; empty if there is none.
[[nodiscard]] inline std::string_view last_event_id(const request& rq) noexcept {
  return rq.header("last-event-id").value_or("");
}

}  // namespace wring::http
