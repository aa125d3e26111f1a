// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/net/detail/erased_operation.hpp>

namespace wring::net {
class any_stream;
class stream_observer;
class stream_ref;
struct stream_security;
}  // namespace wring::net

namespace wring::net::detail {

class queued_write;
class stream_socket;

/// What a byte_source_ref calls.
struct source_table {
  erased_functions<buffer_lease> read_some;
  stream_socket* (*socket)(void* source) noexcept;  ///< null if it is not a stream on a socket
};

/// What a byte_sink_ref calls.
struct sink_table {
  erased_functions<void> write_all;
  erased_functions<void> shut_down_write;
  stream_socket* (*socket)(void* sink) noexcept;  ///< as of a source
};

/// What a stream_ref calls.
struct stream_table {
  source_table source;
  sink_table sink;
  erased_functions<std::size_t> read;
  erased_functions<void> write_parts;
  erased_functions<void> close;
  void (*abort)(void* stream) noexcept;
  // What streams may have besides.
  buffer_lease (*try_read_some)(void* stream) noexcept;
  std::size_t (*received_ahead)(const void* stream) noexcept;
  std::size_t (*try_write)(void* stream, std::span<const std::span<const std::byte>> parts) noexcept;
  bool (*watch)(void* stream, stream_observer* observer) noexcept;
  const stream_security* (*security)(const void* stream) noexcept;
  error_address (*peer_address)(const void* stream) noexcept;
  void (*queue)(void* stream, queued_write& posted) noexcept;  ///< null if it cannot
  const std::type_info* type;
};

/// What a reference to one side of a stream looks through.
template <class S>
concept refers_to_stream =
    std::same_as<std::remove_const_t<S>, stream_ref> || std::same_as<std::remove_const_t<S>, any_stream>;

/// What of the library's streams is for the library alone.
struct stream_access {
  /// Queues bytes to be written without a task. If they cannot be, as the stream can no longer be written to, it has
  /// told them by `ended` when it returns.
  template <class S>
  static auto queue(S& s, queued_write& posted) noexcept -> decltype(s.queue(posted)) {
    s.queue(posted);
  }
  /// One that refers to a stream and owns nothing, for who keeps either kind.
  template <class Any, class Ref>
  static Any borrowed(const Ref& s) noexcept {
    return Any(s, nullptr);
  }
  /// Whether the stream that a reference refers to can do that.
  template <class Ref>
  static bool queues(const Ref& s) noexcept {
    return s.table_->queue != nullptr;
  }
  template <class S>
  static constexpr auto queue_function() noexcept -> void (*)(void*, queued_write&) noexcept {
    if constexpr (requires(S& s, queued_write& posted) { stream_access::queue(s, posted); }) {
      return [](void* stream, queued_write& posted) noexcept { queue(*static_cast<S*>(stream), posted); };
    } else {
      return nullptr;
    }
  }

  template <class S>
  static constexpr auto socket_function() noexcept -> stream_socket* (*)(void*) noexcept {
    if constexpr (has_socket<S>()) {
      return [](void* stream) noexcept -> stream_socket* { return static_cast<S*>(stream)->socket_; };
    } else {
      return nullptr;
    }
  }
  /// The socket of what a byte_source_ref or a byte_sink_ref refers to, if it is a stream on one; otherwise null.
  template <class Ref>
  [[nodiscard]] static stream_socket* socket_of(const Ref& r) noexcept {
    return r.table_->socket != nullptr ? r.table_->socket(r.object_) : nullptr;
  }

  // What a stream_ref or an any_stream refers to, for references to one of its sides.
  template <class Ref>
  [[nodiscard]] static void* object_of(const Ref& s) noexcept {
    return s.stream_;
  }
  template <class Ref>
  [[nodiscard]] static const stream_table& table_of(const Ref& s) noexcept {
    return *s.table_;
  }

 private:
  template <class S>
  static constexpr bool has_socket() noexcept {
    return requires(S& s) {
      { (s.socket_) } -> std::same_as<stream_socket*&>;
    };
  }
};

/// The functions for the operation that `Make()(stream, argument)` returns.
template <class T, class S, class Make>
constexpr erased_functions<T> erased_functions_of(Make) noexcept {
  using reference = typename erased_functions<T>::value_reference;
  using operation = std::invoke_result_t<Make, S*, memory_argument>;
  erased_functions<T> functions{
      [](void* stream, erased_operation<T>& op, wring::detail::flow& f) {
        return op.start(f, [&] { return Make()(static_cast<S*>(stream), op.argument); });
      },
      nullptr,
  };
  if constexpr (requires(operation& op, reference value) { op.put_back(value); }) {
    // Of an operation that ended at once the outcome alone has been kept. Another one of the same stream, which is
    // never begun, knows what to do with it.
    functions.put_back = [](void* stream, erased_operation<T>& op, reference value) noexcept {
      try {
        operation same = Make()(static_cast<S*>(stream), op.argument);
        same.put_back(value);
      } catch (...) {
        // The stream has been moved from there.
      }
    };
  }
  return functions;
}

template <class S>
inline constexpr source_table source_table_of = {
    .read_some = erased_functions_of<buffer_lease, S>([](S* s, memory_argument) { return s->read_some(); }),
    .socket = stream_access::socket_function<S>(),
};

template <class S>
inline constexpr sink_table sink_table_of = {
    .write_all = erased_functions_of<void, S>([](S* s, memory_argument data) {
      return s->write_all(std::span(static_cast<const std::byte*>(data.data), data.size));
    }),
    .shut_down_write = erased_functions_of<void, S>([](S* s, memory_argument) { return s->shut_down_write(); }),
    .socket = stream_access::socket_function<S>(),
};

template <class S>
inline constexpr stream_table table_of = {
    .source = source_table_of<S>,
    .sink = sink_table_of<S>,
    .read = erased_functions_of<std::size_t, S>([](S* s, memory_argument into) {
      return s->read(std::span(static_cast<std::byte*>(const_cast<void*>(into.data)), into.size));
    }),
    .write_parts = erased_functions_of<void, S>([](S* s, memory_argument parts) {
      return s->write_all(std::span(static_cast<const std::span<const std::byte>*>(parts.data), parts.size));
    }),
    .close = erased_functions_of<void, S>([](S* s, memory_argument) { return s->close(); }),
    .abort = [](void* stream) noexcept { static_cast<S*>(stream)->abort(); },
    .try_read_some = [](void* stream) noexcept -> buffer_lease {
      if constexpr (requires(S& s) { s.try_read_some(); }) {
        return static_cast<S*>(stream)->try_read_some();
      } else {
        return {};
      }
    },
    .received_ahead = [](const void* stream) noexcept -> std::size_t {
      if constexpr (requires(const S& s) { s.received_ahead(); }) {
        return static_cast<const S*>(stream)->received_ahead();
      } else {
        return 0;
      }
    },
    .try_write = [](void* stream, std::span<const std::span<const std::byte>> parts) noexcept -> std::size_t {
      if constexpr (requires(S& s) { s.try_write(parts); }) {
        return static_cast<S*>(stream)->try_write(parts);
      } else {
        return 0;
      }
    },
    .watch = [](void* stream, stream_observer* observer) noexcept -> bool {
      if constexpr (requires(S& s) { s.watch(observer); }) {
        return static_cast<S*>(stream)->watch(observer);
      } else {
        return false;
      }
    },
    .security = [](const void* stream) noexcept -> const stream_security* {
      if constexpr (requires(const S& s) { s.security(); }) {
        return static_cast<const S*>(stream)->security();
      } else {
        return nullptr;
      }
    },
    .peer_address = [](const void* stream) noexcept -> error_address {
      if constexpr (requires(const S& s) { error_address(s.peer_address()); }) {
        return static_cast<const S*>(stream)->peer_address();
      } else {
        return {};
      }
    },
    .queue = stream_access::queue_function<S>(),
    .type = &typeid(S),
};

/// An operation that has ended before it begins.
template <class T>
class ended_wait final : public leaf<ended_wait<T>, T> {
 public:
  explicit ended_wait(wring::result<T> outcome) noexcept : outcome_(std::move(outcome)) {}

  bool ready() noexcept { return true; }
  void suspend() noexcept {}
  void cancel() noexcept override {}
  T take() { return outcome_.take(); }
  wring::result<T> take_result() noexcept { return std::move(outcome_); }
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
