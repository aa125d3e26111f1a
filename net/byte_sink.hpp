// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/detail/stream_table.hpp>

namespace wring::net {

/// What bytes are written to: any stream, the body of a response, a file. `testing::check_sink` checks the following
/// contract:
///
/// - `write_all(bytes)` writes all of them; they must stay unchanged until it has ended. It waits while the sink can
///   take no more. *Delivering*: a write that was complete when it was cancelled counts as written. Cancelled before
///   its first byte, it has written nothing; cancelled half way, it poisons the sink: later writes fail with
///   errc::write_torn.
/// - `shut_down_write()` marks the end: what was written before is complete, and nothing follows. Later writes fail;
///   calling it again does nothing. A sink that is destroyed without it was abandoned, and its receiver must not take
///   the bytes for complete where it can tell.
/// - Both are awaited and have `.result()`, which returns as a value what would be thrown as an io_error.
/// - No task may be suspended on a sink when it is destroyed. It belongs to one thread.
template <class S>
concept byte_sink = requires(S& s, std::span<const std::byte> data) {
  { s.write_all(data) } -> detail::faultable_operation<void>;
  { s.shut_down_write() } -> detail::faultable_operation<void>;
};

/// Refers to a sink of any type, which must outlive it and must not be moved: a parameter type for functions that are
/// compiled once for all sinks. It is a sink itself; copies refer to the same one. Costs one indirect call per
/// operation (two for one that had to wait) and allocates nothing. Made from a stream_ref or any_stream, it refers to
/// the stream that is in there now.
class byte_sink_ref {
 public:
  template <class S>
    requires(!std::same_as<S, byte_sink_ref> && !std::same_as<S, const byte_sink_ref> && byte_sink<S>)
  byte_sink_ref(S& s) noexcept {
    if constexpr (detail::refers_to_stream<S>) {
      object_ = detail::stream_access::object_of(s);
      table_ = &detail::stream_access::table_of(s).sink;
    } else {
      object_ = const_cast<void*>(static_cast<const void*>(std::addressof(s)));
      table_ = &detail::sink_table_of<S>;
    }
  }

  [[nodiscard]] auto write_all(std::span<const std::byte> data) const noexcept {
    return detail::erased_operation<void>(table_->write_all, object_, {data.data(), data.size()});
  }
  [[nodiscard]] auto write_all(std::string_view text) const noexcept {
    return write_all(std::as_bytes(std::span(text)));
  }
  [[nodiscard]] auto shut_down_write() const noexcept {
    return detail::erased_operation<void>(table_->shut_down_write, object_);
  }

 private:
  friend struct detail::stream_access;

  void* object_;
  const detail::sink_table* table_;
};

}  // namespace wring::net
