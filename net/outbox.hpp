// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/net/detail/outbox_drained_wait.hpp>
#include <wring/net/detail/outbox_queue.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// What happens to a post that exceeds the outbox's limit.
enum class outbox_overflow : std::uint8_t {
  refuse,  ///< `post` returns false, and the caller decides
  drop,    ///< `post` returns false, and the outbox counts it
  abort,   ///< the peer reads too slowly: the stream is aborted
};

/// Limits of an outbox.
struct outbox_options {
  /// Bytes that may be posted and not sent yet, at least one.
  std::size_t limit = std::size_t{1024} * 1024;
  outbox_overflow overflow = outbox_overflow::refuse;
};
static_assert(std::is_trivially_destructible_v<outbox_options>);

/// The outgoing queue of a stream: `post` returns without waiting, and everything posted in a turn of the scheduler is
/// sent together at its end. For callback code, for broadcasts, and for tasks that must not wait for a slow peer. It is
/// bounded, and `drained` is the back-pressure for tasks that can wait.
///
/// Posts keep their order, also relative to the stream's `write_all`: each is sent after every post and write begun
/// before it. (A stream over another one, such as TLS, and one of the user's own are written to by a task in the
/// nursery, which has its turn like any other: there a write_all that follows a post in the same turn is sent first.)
/// After a fault of the stream, including its being closed, nothing more is sent and every post returns false.
///
/// Holds no memory while nothing is unsent. One thread. The stream and the nursery must outlive it, and the stream the
/// nursery.
class WRING_API outbox {
 public:
  /// Throws std::invalid_argument if nothing would fit.
  outbox(stream_ref stream, nursery& n, outbox_options options = {});
  outbox(const outbox&) = delete;
  outbox& operator=(const outbox&) = delete;
  /// Drops what is unsent: await `drained()` first. If part of it has already been sent, the stream's write side is
  /// poisoned, as by a write that was cancelled half way. No task may wait for it (the process ends otherwise).
  ~outbox();

  /// Queues a copy of `bytes`. False: nothing was taken, because there is no room (see outbox_overflow) or the stream
  /// has failed (see fault). Throws std::bad_alloc, and what `nursery::start` throws where it needs a task; then
  /// nothing was taken either.
  bool post(std::span<const std::byte> bytes);
  bool post(std::string_view text) { return post(std::as_bytes(std::span(text))); }
  /// The same, keeping a reference instead of a copy.
  bool post(shared_bytes bytes);

  /// Bytes that were posted and that the stream has not taken.
  [[nodiscard]] std::size_t unsent() const noexcept { return queue_->unsent(); }
  /// Posts that were dropped for lack of room.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// Why nothing more is sent, if that is so.
  [[nodiscard]] const std::optional<error>& fault() const noexcept { return queue_->fault(); }

  /// Waits until at most `at_most` bytes are unsent. Returning: it takes nothing. Throws io_error with the fault, if
  /// there is one, whether or not it lost anything; errc::limit_exceeded after an abort for lack of room.
  [[nodiscard]] auto drained(std::size_t at_most = 0) noexcept { return detail::outbox_drained_wait(*queue_, at_most); }

 private:
  [[nodiscard]] bool refuse() noexcept;

  detail::outbox_queue* queue_;
  std::uint64_t dropped_ = 0;
  outbox_overflow overflow_;
};

}  // namespace wring::net
