// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/refusal.hpp>

namespace wring::http::detail {

/// Limits of a head, or of a trailer section, in bytes.
struct head_limits {
  std::size_t target = std::size_t{8} * 1024;
  std::size_t size = std::size_t{16} * 1024;  ///< of all of it
  std::size_t fields = 100;
};
static_assert(std::is_trivially_destructible_v<head_limits>);

/// A part of a head's text.
struct text_range {
  std::uint32_t at = 0;
  std::uint32_t size = 0;
};

/// What a head says of its message's form and the connection.
struct head_facts {
  text_range method;  ///< a request's
  text_range target;  ///< a request's
  text_range reason;  ///< a response's
  text_range host;
  std::uint64_t length = 0;  ///< Content-Length
  int status = 0;            ///< a response's
  std::uint8_t minor = 1;    ///< HTTP/1.minor; what is above 1 is 1
  bool has_host = false;
  bool has_length = false;
  bool chunked = false;
  bool close = false;       ///< Connection: close
  bool keep_alive = false;  ///< Connection: keep-alive
  bool upgrade = false;     ///< Connection: upgrade
  bool expects_continue = false;

  /// Whether the connection may be used for another message after this one (RFC 9112, section 9.3).
  [[nodiscard]] bool persistent() const noexcept { return !close && (minor != 0 || keep_alive); }
};

/// Parses the head of a message, or a trailer section, however it is cut. It has one strict mode: what RFC 9112 lets a
/// recipient repair (a lone LF, folded lines, repeated lengths, blanks before a colon) is refused, because repairs
/// differ, and such differences are how requests are smuggled.
///
/// The bytes are copied into the store, with the names of the fields in lower case.
class WRING_API head_parser {
 public:
  /// `part`: the fields of a part of a multipart body, which say nothing of how the message is sent.
  enum class kind : std::uint8_t { request, response, trailers, part };
  enum class status : std::uint8_t { incomplete, done, no_room, refused };
  struct step {
    std::size_t consumed;  ///< of the bytes that were passed
    status state;
  };

  head_parser(kind k, const head_limits& limits) noexcept;

  /// Takes bytes up to the end of the head. `no_room`: move the store to more memory and call again with what has not
  /// been consumed; `incomplete`: all have been consumed, and more are needed. Not to be called after `done` or
  /// `refused`.
  [[nodiscard]] step feed(std::span<const std::byte> bytes, head_store& store) noexcept;

  [[nodiscard]] const head_facts& facts() const noexcept { return facts_; }
  /// Why it is refused.
  [[nodiscard]] const refusal& why() const noexcept { return refusal_; }
  /// Whether anything of a message has come, other than the empty line that may precede a request.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

 private:
  enum class line : std::uint8_t { complete, incomplete, last, no_room, refused };

  [[nodiscard]] status parse(head_store& store) noexcept;
  [[nodiscard]] line parse_start(head_store& store) noexcept;
  [[nodiscard]] line parse_request_line(const char* text, const char* at, const char* end) noexcept;
  [[nodiscard]] line parse_version(const char* text, const char* at, const char* end) noexcept;
  [[nodiscard]] line parse_status_line(const char* text, const char* at, const char* end) noexcept;
  /// As many as are complete.
  [[nodiscard]] line parse_fields(head_store& store) noexcept;
  /// A line that is no complete field.
  [[nodiscard]] line parse_no_field(const char* at, const char* stop, const char* end) noexcept;
  [[nodiscard]] line note_field(std::string_view name, std::string_view value, std::uint32_t value_at) noexcept;
  [[nodiscard]] line note_length(std::string_view value) noexcept;
  [[nodiscard]] line note_coding(std::string_view value) noexcept;
  void note_connection(std::string_view value) noexcept;
  [[nodiscard]] line finish(const char* text) noexcept;
  [[nodiscard]] line refuse(int code, const char* reason) noexcept {
    refusal_ = {code, reason};
    return line::refused;
  }

  head_limits limits_;
  head_facts facts_;
  refusal refusal_;
  std::size_t at_ = 0;        // where the line begins that is parsed next
  std::size_t searched_ = 0;  // up to here there is no end of it
  kind kind_;
  bool in_fields_;
  bool begun_ = false;
  bool skipped_line_ = false;
};

}  // namespace wring::http::detail
