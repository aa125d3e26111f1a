// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <typeinfo>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/frame_recycler.hpp>
#include <wring/net/detail/erased_operation.hpp>

namespace wring::net::detail {

/// What a stream_ref calls.
struct stream_table {
  erased_operation<buffer_lease>::start_function read_some;
  erased_operation<std::size_t>::start_function read;
  erased_operation<void>::start_function write_all;
  erased_operation<void>::start_function write_parts;
  erased_operation<void>::start_function shut_down_write;
  erased_operation<void>::start_function close;
  void (*abort)(void* stream) noexcept;
  error_address (*peer_address)(const void* stream) noexcept;
  const std::type_info* type;
};

template <class S>
inline constexpr stream_table table_of = {
    .read_some =
        [](void* stream, erased_operation<buffer_lease>& op, wring::detail::flow& f) {
          return op.start(f, [&] { return static_cast<S*>(stream)->read_some(); });
        },
    .read =
        [](void* stream, erased_operation<std::size_t>& op, wring::detail::flow& f) {
          auto* const data = static_cast<std::byte*>(const_cast<void*>(op.argument.data));
          return op.start(f, [&] { return static_cast<S*>(stream)->read(std::span(data, op.argument.size)); });
        },
    .write_all =
        [](void* stream, erased_operation<void>& op, wring::detail::flow& f) {
          const auto* const data = static_cast<const std::byte*>(op.argument.data);
          return op.start(f, [&] { return static_cast<S*>(stream)->write_all(std::span(data, op.argument.size)); });
        },
    .write_parts =
        [](void* stream, erased_operation<void>& op, wring::detail::flow& f) {
          const auto* const parts = static_cast<const std::span<const std::byte>*>(op.argument.data);
          return op.start(f, [&] { return static_cast<S*>(stream)->write_all(std::span(parts, op.argument.size)); });
        },
    .shut_down_write =
        [](void* stream, erased_operation<void>& op, wring::detail::flow& f) {
          return op.start(f, [&] { return static_cast<S*>(stream)->shut_down_write(); });
        },
    .close = [](void* stream, erased_operation<void>& op,
                wring::detail::flow& f) { return op.start(f, [&] { return static_cast<S*>(stream)->close(); }); },
    .abort = [](void* stream) noexcept { static_cast<S*>(stream)->abort(); },
    .peer_address = [](const void* stream) noexcept -> error_address {
      if constexpr (requires(const S& s) { error_address(s.peer_address()); }) {
        return static_cast<const S*>(stream)->peer_address();
      } else {
        return {};
      }
    },
    .type = &typeid(S),
};

/// A stream on the heap.
struct stream_owner {
  stream_owner() noexcept = default;
  stream_owner(const stream_owner&) = delete;
  stream_owner& operator=(const stream_owner&) = delete;
  virtual ~stream_owner() = default;
};

template <class S>
struct stream_owner_of final : stream_owner {
  template <class... Args>
  explicit stream_owner_of(Args&&... args) : stream(std::forward<Args>(args)...) {}

  static void* operator new(std::size_t size) { return wring::detail::frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    wring::detail::frame_recycler::deallocate(block, size);
  }

  S stream;
};

/// An operation that has ended before it begins.
template <class T>
class ended_wait final : public leaf<ended_wait<T>, T> {
 public:
  explicit ended_wait(wring::result<T> outcome) noexcept : outcome_(std::move(outcome)) {}

  bool ready() noexcept { return true; }
  void suspend() noexcept {}
  void stop() noexcept override {}
  T resume() { return outcome_.take(); }
  wring::result<T> resume_result() noexcept { return std::move(outcome_); }
  wait_description describe() const noexcept override { return {.operation = "nothing"}; }

 private:
  wring::result<T> outcome_;
};

/// The stream of an any_stream that has none.
struct closed_stream {
  static auto read_some() noexcept { return ended_wait<buffer_lease>(error(errc::closed, "read")); }
  static auto read(std::span<std::byte>) noexcept { return ended_wait<std::size_t>(error(errc::closed, "read")); }
  static auto write_all(std::span<const std::byte>) noexcept { return ended_wait<void>(error(errc::closed, "write")); }
  static auto write_all(std::span<const std::span<const std::byte>>) noexcept {
    return ended_wait<void>(error(errc::closed, "write"));
  }
  static auto shut_down_write() noexcept { return ended_wait<void>(error(errc::closed, "shut down")); }
  static auto close() noexcept { return ended_wait<void>({}); }
  static void abort() noexcept {}
};

}  // namespace wring::net::detail
