// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/protocols/http/client/client_limits.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/detail/output.hpp>

namespace wring::http::detail {

/// A connection of a client's: what is read and sent.
class WRING_API client_connection final : net::stream_observer {
 public:
  client_connection(net::any_stream s, const client_limits& l) noexcept
      : stream(std::move(s)),
        limits(l),
        sched(scheduler::current()),
        peer(stream.peer_address()),
        out(sched.blocks()) {}
  client_connection(const client_connection&) = delete;
  client_connection& operator=(const client_connection&) = delete;
  ~client_connection() {
    if (idle_) stream.watch(nullptr);
  }

  /// Reads more, when `in` is empty, until `deadline`. False: the server has ended the connection.
  [[nodiscard]] task<result<bool>> read_until(steady_clock::time_point deadline);
  /// Sends `out`, and then these, in pieces that each have their time. Cancelled, it may have sent a part.
  [[nodiscard]] task<result<>> send(std::span<const std::span<const std::byte>> parts);
  [[nodiscard]] task<result<>> flush() { return send({}); }

  /// Nobody uses it from now on: what the server sends, also its end, makes it unusable, and calls `lost(owner)` then.
  void rest(void (*lost)(void* owner) noexcept, void* owner) noexcept;
  /// The end of that. False: it is unusable.
  [[nodiscard]] bool wake() noexcept;
  [[nodiscard]] bool usable() const noexcept { return usable_; }

  net::any_stream stream;
  const client_limits& limits;
  scheduler& sched;
  const error_address peer;
  input in;
  output out;
  steady_clock::time_point expires = {};  ///< while it rests

 private:
  void arrived() noexcept override { spoil(); }
  void ended(const error* /*fault*/) noexcept override { spoil(); }
  void spoil() noexcept;

  void (*lost_)(void*) noexcept = nullptr;
  void* owner_ = nullptr;
  bool idle_ = false;
  bool usable_ = true;
};

}  // namespace wring::http::detail
