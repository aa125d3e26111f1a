// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/refusal.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http::detail {

/// What follows a head (RFC 9112, section 6.3).
enum class body_form : std::uint8_t {
  none,
  length,       ///< as many bytes as Content-Length says
  chunked,      ///< chunks, and trailers
  until_close,  ///< all that comes: only the end of the connection ends it, and may have cut it
  other,        ///< no more HTTP: a tunnel, or the protocol that was switched to
};

/// What is to be known of a request to understand its answer.
struct asked_request {
  http::method method = http::method::get;
  bool upgrade = false;  ///< it asks for another protocol
};

struct response_limits {
  std::size_t head = std::size_t{64} * 1024;  ///< bytes of a head
  std::size_t fields = 200;                   ///< in it
  unsigned interim = 8;                       ///< answers before the final one
};
static_assert(std::is_trivially_destructible_v<response_limits>);

/// Parses the heads of the answers to a request, however they are cut: interim ones, and then the final one. As strict
/// as `head_parser`, which it is made of.
class WRING_API response_parser {
 public:
  enum class status : std::uint8_t {
    incomplete,  ///< all has been consumed, and more is needed
    interim,     ///< 100, 102 to 199: its head is in the store until the next call
    done,        ///< the final one, which is in the store
    no_room,     ///< move the store to more memory, and call again with what has not been consumed
    refused,
  };
  struct step {
    std::size_t consumed;  ///< of the bytes that were passed
    status state;
  };

  response_parser(const asked_request& request, const response_limits& limits) noexcept
      : head_(head_parser::kind::response, head_limits_of(limits)), limits_(limits), request_(request) {}

  /// Takes bytes up to the end of a head. The store is the same each time. Not to be called after `done` or `refused`.
  [[nodiscard]] step feed(std::span<const std::byte> bytes, head_store& store) noexcept;

  /// Of the head that was complete last.
  [[nodiscard]] const head_facts& facts() const noexcept { return head_.facts(); }
  /// Why it is refused. Status 431: a limit was exceeded.
  [[nodiscard]] const refusal& why() const noexcept { return refusal_; }
  /// What follows the final one.
  [[nodiscard]] body_form form() const noexcept;
  /// Whether another request may follow on the connection, once the body has ended as it says.
  [[nodiscard]] bool reusable() const noexcept {
    const body_form f = form();
    return head_.facts().persistent() && f != body_form::until_close && f != body_form::other;
  }

 private:
  [[nodiscard]] static head_limits head_limits_of(const response_limits& l) noexcept {
    return {.target = 0, .size = l.head, .fields = l.fields};
  }
  /// A head is complete.
  [[nodiscard]] status judge(const head_store& store) noexcept;
  [[nodiscard]] status refuse(int code, const char* reason) noexcept {
    refusal_ = {code, reason};
    return status::refused;
  }

  head_parser head_;
  response_limits limits_;
  asked_request request_;
  refusal refusal_;
  unsigned interim_ = 0;  // that have come
  bool next_ = false;     // an interim one is in the store
};

}  // namespace wring::http::detail
