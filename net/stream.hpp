// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/detail/erased_owner.hpp>
#include <wring/net/detail/stream_table.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/net/stream_security.hpp>

namespace wring::net {

/// A connection that carries bytes in both directions, in order: TCP, TLS, a pipe in memory. Every stream keeps this
/// contract, which `testing::check_stream` checks:
///
/// - `read_some()` returns the next bytes, at least one, as soon as some are available, in leased memory; an empty
///   lease at the end of the stream, every time. No buffer is held while it waits.
/// - `read(span)` does the same into the caller's memory, and returns the number of bytes: 0 at the end of the stream,
///   and at once for an empty span. The two may be mixed. Both are *returning*: a cancelled read has taken nothing. One
///   task may read at a time; another one's read fails with errc::busy. Optional: the operations have put_back (see
///   leaf), so that bytes which a when_all or when_any does not deliver are available to the next read.
/// - `write_all(bytes)` writes all of them; they must stay unchanged until it has ended. `write_all(spans)` writes
///   several pieces as if they were one. Calls from several tasks queue, and each is contiguous. They wait while the
///   peer does not read and the stream holds as much as it may. *Delivering*: a write that was complete when it was
///   cancelled counts as written. Cancelled before its first byte, it has written nothing; cancelled half way, it
///   poisons the write side: later writes fail with errc::write_torn, while reads continue.
/// - `shut_down_write()` tells the peer, after all earlier writes, that nothing more follows. Later writes fail, reads
///   continue, and calling it again does nothing. `close()` ends the connection: operations that wait on the stream
///   fail with errc::closed, and so does every later one except close, which then does nothing. What was written
///   reaches the peer. `abort()` ends it at once: the peer's next operation fails, if the transport can report it.
///   Destroying a stream closes it too; in a task that is already cancelled, close may leave that to the destructor.
/// - Everything except abort is awaited and has `.result()`, which returns as a value what would be thrown as an
///   io_error. No task may be suspended on a stream when it is destroyed. It belongs to one thread.
///
/// Optional members, which the library's streams have. For a stream without one, a reference behaves as described last:
///
/// - `try_read_some() noexcept` returns what has been received already, as read_some would but without waiting: nothing
///   if there is nothing yet, at the end, and while a task reads (the next read tells which). Otherwise nothing.
/// - `received_ahead() noexcept` is the number of bytes that repeated calls of it would return. Otherwise 0.
/// - `try_write(spans) noexcept` writes what can be written without waiting, and returns the number of bytes: zero
///   while another write is in progress, and where no more may be written (the next write_all reports why). Otherwise
///   0.
/// - `watch(observer) noexcept` makes the stream tell a `stream_observer` what arrives while no task reads, until it is
///   passed null; one at a time, which must exist meanwhile. Bytes are received for it as for a reader, up to what the
///   stream holds; the end is seen in every state. Bytes and an end that have already arrived are reported at once.
///   Returns whether anything will be reported: otherwise false, and code that must know keeps a read waiting.
/// - `security()` points to a `stream_security`, valid as long as the stream; otherwise null: the stream is not
///   secured.
/// - `peer_address()`, which faults then name; otherwise an empty address.
/// - `write_all(std::string_view)`.
template <class S>
concept stream = requires(S& s, std::span<std::byte> into, std::span<const std::byte> data,
                          std::span<const std::span<const std::byte>> parts) {
  { s.read_some() } -> detail::faultable_operation<buffer_lease>;
  { s.read(into) } -> detail::faultable_operation<std::size_t>;
  { s.write_all(data) } -> detail::faultable_operation<void>;
  { s.write_all(parts) } -> detail::faultable_operation<void>;
  { s.shut_down_write() } -> detail::faultable_operation<void>;
  { s.close() } -> detail::faultable_operation<void>;
  { s.abort() } noexcept -> std::same_as<void>;
};

class any_stream;

/// Refers to a stream of any type, which must outlive it and must not be moved: a parameter type for functions that are
/// compiled once for all streams. It is a stream itself; copies refer to the same one. Costs one indirect call per
/// operation (two for one that had to wait) and allocates nothing.
class stream_ref {
 public:
  template <class S>
    requires(!std::same_as<S, any_stream> && !std::same_as<S, const any_stream> && !std::same_as<S, stream_ref> &&
             !std::same_as<S, const stream_ref> && stream<S>)
  stream_ref(S& s) noexcept : stream_(std::addressof(s)), table_(&detail::table_of<S>) {}
  /// To the stream inside: stays valid when `s` is moved.
  stream_ref(any_stream& s) noexcept;

  [[nodiscard]] auto read_some() const noexcept {
    return detail::erased_operation<buffer_lease>(table_->source.read_some, stream_);
  }
  [[nodiscard]] auto read(std::span<std::byte> into) const noexcept {
    return detail::erased_operation<std::size_t>(table_->read, stream_, {into.data(), into.size()});
  }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) const noexcept {
    return detail::erased_operation<void>(table_->sink.write_all, stream_, {data.data(), data.size()});
  }
  [[nodiscard]] auto write_all(std::string_view text) const noexcept {
    return write_all(std::as_bytes(std::span(text)));
  }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) const noexcept {
    return detail::erased_operation<void>(table_->write_parts, stream_, {parts.data(), parts.size()});
  }
  [[nodiscard]] auto shut_down_write() const noexcept {
    return detail::erased_operation<void>(table_->sink.shut_down_write, stream_);
  }
  [[nodiscard]] auto close() const noexcept { return detail::erased_operation<void>(table_->close, stream_); }
  void abort() const noexcept { table_->abort(stream_); }

  [[nodiscard]] buffer_lease try_read_some() const noexcept { return table_->try_read_some(stream_); }
  [[nodiscard]] std::size_t received_ahead() const noexcept { return table_->received_ahead(stream_); }
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) const noexcept {
    return table_->try_write(stream_, parts);
  }
  bool watch(stream_observer* observer) const noexcept { return table_->watch(stream_, observer); }
  [[nodiscard]] const stream_security* security() const noexcept { return table_->security(stream_); }
  /// The peer's address, if the stream has one: empty otherwise.
  [[nodiscard]] error_address peer_address() const noexcept { return table_->peer_address(stream_); }

  /// The stream, if it is an S: null otherwise. For what only one kind of stream can do.
  template <stream S>
  [[nodiscard]] S* target() const noexcept {
    return *table_->type == typeid(S) ? static_cast<S*>(stream_) : nullptr;
  }

 private:
  friend class any_stream;
  friend struct detail::stream_access;
  stream_ref(void* s, const detail::stream_table& table) noexcept : stream_(s), table_(&table) {}

  void queue(detail::queued_write& posted) const noexcept { table_->queue(stream_, posted); }

  void* stream_;
  const detail::stream_table* table_;
};

/// Owns a stream of any type. Made by moving one in, or in place where it cannot be moved; that allocates, using it
/// does not. Movable; a stream_ref to it stays valid. Default-constructed or moved from, it is a closed stream.
/// Otherwise as stream_ref.
class any_stream : private stream_ref {
 public:
  any_stream() noexcept : stream_ref(nullptr, detail::table_of<detail::closed_stream>) {}
  template <class S>
    requires(!std::is_reference_v<S> && !std::same_as<S, any_stream> && !std::same_as<S, stream_ref> &&
             std::move_constructible<S> && stream<S>)
  any_stream(S&& s) : any_stream(std::in_place_type<S>, std::move(s)) {}
  template <stream S, class... Args>
    requires std::constructible_from<S, Args...>
  explicit any_stream(std::in_place_type_t<S>, Args&&... args) : any_stream() {
    auto* const made = new detail::erased_owner_of<S>(std::forward<Args>(args)...);
    owner_.reset(made);
    static_cast<stream_ref&>(*this) = made->object;
  }
  any_stream(any_stream&& other) noexcept : any_stream() { swap(other); }
  any_stream& operator=(any_stream&& other) noexcept {
    any_stream(std::move(other)).swap(*this);
    return *this;
  }
  ~any_stream() = default;

  void swap(any_stream& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(static_cast<stream_ref&>(*this), static_cast<stream_ref&>(other));
  }

  /// Whether there is a stream inside; it may have been closed.
  explicit operator bool() const noexcept { return owner_ != nullptr; }

  using stream_ref::abort;
  using stream_ref::close;
  using stream_ref::peer_address;
  using stream_ref::read;
  using stream_ref::read_some;
  using stream_ref::received_ahead;
  using stream_ref::security;
  using stream_ref::shut_down_write;
  using stream_ref::target;
  using stream_ref::try_read_some;
  using stream_ref::try_write;
  using stream_ref::watch;
  using stream_ref::write_all;

 private:
  friend class stream_ref;
  friend struct detail::stream_access;
  /// Refers to a stream, and owns nothing.
  explicit any_stream(const stream_ref& to, std::nullptr_t) noexcept : stream_ref(to) {}

  std::unique_ptr<detail::erased_owner> owner_;
};

inline stream_ref::stream_ref(any_stream& s) noexcept : stream_ref(static_cast<const stream_ref&>(s)) {}

}  // namespace wring::net
