// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/protocols/http/detail/arena.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::net {
class file;
}

namespace wring::http {
class encoder;
}

namespace wring::http::detail {

/// A part of the path that a route has captured.
struct parameter {
  std::string_view name;
  std::string_view value;
};

/// What a connection has read of a request. All of it is in the exchange's memory.
struct incoming {
  http::method method = http::method::get;
  std::uint8_t minor = 1;
  bool chunked = false;
  bool expects_continue = false;
  bool path_has_escapes = false;
  bool asks_upgrade = false;  ///< to a protocol that a field names
  std::string_view method_text;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  std::string_view scheme;
  std::string_view authority;
  std::uint64_t length = 0;
  std::uint64_t max_body = 0;
  fields headers;
  fields trailers;
  std::span<const parameter> parameters;
  error_address peer;
  error_address proxy;  ///< through which it has come, if that is known
  const net::stream_security* security = nullptr;
};

struct response_field {
  response_field* next;
  std::string_view name;
  std::string_view value;
};

/// What a handler has set of its answer.
struct outgoing {
  int status = 200;
  bool has_body = false;   ///< whole, in `body`
  bool head_sent = false;  ///< the body is being written
  bool ended = false;
  bool error_page = false;  ///< the body is what `fail` makes, which may be replaced
  std::uint64_t written = 0;
  std::optional<std::uint64_t> length;  ///< what the handler has announced
  response_field* first = nullptr;
  response_field* trailers = nullptr;
  std::string_view body;
  std::string owned_body;
  net::shared_bytes shared_body;
  http::encoder* encoder = nullptr;  ///< what the body may go through
  bool encoding = false;             ///< it does
  std::string_view offers;           ///< what the client should have asked to be upgraded to
  std::string_view failure;          ///< what an error page tells the client besides the status
};

/// Data of a middleware's, see request::emplace.
struct slot {
  slot* before;
  const void* type;
  void* value;
  void (*destroy)(void*) noexcept;
};

/// A request and its answer, for the version of HTTP that carries them.
class exchange {
 public:
  explicit exchange(block_pool& pool) noexcept : memory(pool) {}
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  [[nodiscard]] virtual task<buffer_lease> read_body() = 0;
  [[nodiscard]] virtual task<> send_continue() = 0;
  /// Sends the head, if it has not been sent, and then these pieces of the body.
  [[nodiscard]] virtual task<> write_body(std::span<const std::span<const std::byte>> parts) = 0;
  [[nodiscard]] virtual task<> write_body(std::span<const std::byte> data) = 0;
  /// The same with bytes of a file. Throws nothing if the file has fewer: then the connection is cut.
  [[nodiscard]] virtual task<> write_body(net::file& from, std::uint64_t offset, std::uint64_t count) = 0;
  /// Ends the body.
  [[nodiscard]] virtual task<> end_body() = 0;
  [[nodiscard]] virtual task<> inform(int status) = 0;
  /// Switches to that protocol, or, of CONNECT, makes a tunnel.
  [[nodiscard]] virtual task<net::any_stream> upgrade(std::string_view protocol) = 0;
  [[nodiscard]] virtual bool peer_gone() const noexcept = 0;

  arena memory;
  incoming in;
  outgoing out;
  slot* slots = nullptr;

 protected:
  ~exchange() = default;

  /// In reverse order. For the destructor of what is made of this.
  void drop_slots() noexcept {
    while (slots != nullptr) {
      const slot* const last = std::exchange(slots, slots->before);
      last->destroy(last->value);
    }
  }
};

}  // namespace wring::http::detail
