// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>

#include <wring/core/buffer_lease.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/detail/stream_table.hpp>

namespace wring::net {

/// What bytes are read from: any stream, the body of a request, a file. `testing::check_source` checks the following
/// contract:
///
/// - `read_some()` returns the next bytes, at least one, as soon as some are available, in leased memory that stays
///   unchanged until the lease is destroyed; an empty lease at the end, every time. *Returning*: a cancelled read has
///   taken nothing. Optional: the operation has put_back (see leaf), so that bytes which a when_all or when_any does
///   not deliver are available to the next read.
/// - It is awaited and has `.result()`, which returns as a value what would be thrown as an io_error. After a fault
///   there are no more bytes: a source that ended early never appears to be complete.
/// - One task reads at a time. No task may be suspended on a source when it is destroyed. It belongs to one thread.
template <class S>
concept byte_source = requires(S& s) {
  { s.read_some() } -> detail::faultable_operation<buffer_lease>;
};

/// Refers to a source of any type, which must outlive it and must not be moved: a parameter type for functions that are
/// compiled once for all sources. It is a source itself; copies refer to the same one. Costs one indirect call per
/// operation (two for one that had to wait) and allocates nothing. Made from a stream_ref or any_stream, it refers to
/// the stream that is in there now.
class byte_source_ref {
 public:
  template <class S>
    requires(!std::same_as<S, byte_source_ref> && !std::same_as<S, const byte_source_ref> && byte_source<S>)
  byte_source_ref(S& s) noexcept {
    if constexpr (detail::refers_to_stream<S>) {
      object_ = detail::stream_access::object_of(s);
      table_ = &detail::stream_access::table_of(s).source;
    } else {
      object_ = const_cast<void*>(static_cast<const void*>(std::addressof(s)));
      table_ = &detail::source_table_of<S>;
    }
  }

  [[nodiscard]] auto read_some() const noexcept {
    return detail::erased_operation<buffer_lease>(table_->read_some, object_);
  }

 private:
  friend struct detail::stream_access;

  void* object_;
  const detail::source_table* table_;
};

}  // namespace wring::net
