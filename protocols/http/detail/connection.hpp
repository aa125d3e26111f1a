// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/protocols/http/detail/idle_limit.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/detail/output.hpp>
#include <wring/protocols/http/detail/server_state.hpp>

namespace wring::http::detail {

/// A connection of a server's: what is read and sent, and whether the client is still there.
class WRING_API connection final : net::stream_observer {
 public:
  /// What more input has brought.
  enum class fill : std::uint8_t { some, ended, overdue };
  /// What a handler has instead of requests.
  class successor {
   public:
    /// The connection ends.
    virtual void leave() noexcept = 0;

   protected:
    ~successor() = default;
  };

  connection(net::stream_ref s, server_state& shared) noexcept
      : stream(s),
        server(shared),
        sched(scheduler::current()),
        peer(s.peer_address()),
        idle(sched),
        out(sched.blocks()) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Reads more, when `in` is empty. What is to be sent is sent before.
  [[nodiscard]] task<fill> read_until(steady_clock::time_point deadline);
  /// Sends `out`, and then these, in pieces that each have a deadline. False: the client has gone, and nothing is kept.
  /// Cancelled, it may have sent a part, so the client has gone then too.
  [[nodiscard]] task<bool> send(std::span<const std::span<const std::byte>> parts);
  /// Sends `out`, and then bytes of a file. False also if the file has fewer, which is logged: the connection is cut.
  [[nodiscard]] task<bool> send_file(net::file& from, std::uint64_t offset, std::uint64_t count);
  /// Sends `out`. Otherwise the same.
  [[nodiscard]] task<bool> flush();
  /// Sends what of `out` takes no waiting. False: `flush` is to send the rest, or, in a busy turn, all of it, with what
  /// other connections send.
  [[nodiscard]] bool flush_at_once() noexcept;
  /// The client has gone: the handler is cancelled, if it is not to finish.
  void lost() noexcept;
  /// Watches the client while a handler runs, which is cancelled with `scope`, if there is one. False: the stream
  /// cannot tell, and `watch_by_reading` is to run beside the handler.
  [[nodiscard]] bool watch(cancel_scope* scope) noexcept;
  void stop_watching() noexcept;
  /// Reads the next request's beginning, or the end, while nobody else reads: only once a body is complete.
  [[nodiscard]] task<> watch_by_reading();
  /// Ends watch_by_reading: what it has read is in `in`.
  [[nodiscard]] task<> stop_reading();
  /// Tells the observer, too, what arrives, for which the protocol must have been switched; null: nobody. False: the
  /// stream cannot tell.
  bool follow(net::stream_observer* observer) noexcept;
  /// From now on the client's ending its side is for whoever reads: only its disappearance cancels the handler.
  void end_half_close_grace() noexcept {
    if (grace_.active()) grace_.cancel();
  }

  net::stream_ref stream;
  server_state& server;
  scheduler& sched;
  const error_address peer;  // making it takes more than keeping it
  idle_limit idle;
  input in;
  output out;
  bool gone = false;
  successor* upgraded = nullptr;  ///< not null: the protocol was switched

 private:
  struct reading;

  /// How long a client may take for so many bytes.
  [[nodiscard]] duration patience(std::size_t bytes) const noexcept;
  [[nodiscard]] task<bool> send_all(std::span<const std::byte> data);
  void file_not_sent(const net::file& from, const error& why);
  void arrived() noexcept override;
  void ended(const error* fault) noexcept override;
  void grace_over() noexcept;

  cancel_scope* handler_scope_ = nullptr;  // null: nothing is to be cancelled
  net::stream_observer* follower_ = nullptr;
  reading* reading_ = nullptr;  // where watch_by_reading waits
  delayed_call grace_;
};

}  // namespace wring::http::detail
