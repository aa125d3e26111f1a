// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <wring/core/detail/export.hpp>

struct sockaddr;

namespace wring {

/// Failures that no errno stands for. Zero is not used, so that a code made from any of these is truthy.
enum class errc {
  timed_out = 1,     ///< a deadline passed before the operation ended; equivalent to `std::errc::timed_out`
  unexpected_eof,    ///< the stream ended inside something; count(): the bytes that had come
  closed,            ///< the stream, listener or other object was closed, by this side, before or during the operation
  write_torn,        ///< a write was cancelled half way, so that nothing more may follow it; count(): the bytes written
  limit_exceeded,    ///< more data than a limit allows; count(): the limit
  busy,              ///< a second concurrent reader where only one is allowed
  inbox_full,        ///< a scheduler's inbox of posted functions holds as many as it may; count(): the limit
  channel_closed,    ///< the channel was closed
  bad_address,       ///< text that is not an address; the detail says what is wrong with it
  name_not_found,    ///< a host's name does not exist, or has no address of the kind wanted: that is final
  name_unavailable,  ///< a host's name could not be looked up this time: temporary, trying again later may help
  name_refused,      ///< the name servers refuse to answer for a host's name: that is final
  not_simulated,     ///< a simulated world has nothing of the kind: the error names the call
  tls_failed,        ///< TLS: the handshake or the protocol has failed; count(): the peer's alert, if that is why
  tls_untrusted,     ///< TLS: the peer's certificate is not accepted, the detail says why; count(): OpenSSL's number
  tls_truncated,     ///< TLS: the connection has ended without the peer's closing message, so bytes may be missing
  tls_unusable,      ///< TLS: a certificate, key or setting of this program cannot be used
};

namespace detail {
/// How an engine says `errc::not_simulated` where it returns an errno: none of the kernel's.
inline constexpr int not_simulated_errno = 254;
}  // namespace detail

/// The category of `errc`.
WRING_API const std::error_category& wring_category() noexcept;

/// The code for `code`, in wring_category().
inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), wring_category()}; }

}  // namespace wring

template <>
struct std::is_error_code_enum<wring::errc> : std::true_type {};

namespace wring {

/// An address inside an `error`: 24 bytes, trivially copyable, meant to be read by people. Nothing is allocated until
/// it is formatted. `wring::net::socket_address` converts to it.
class error_address {
 public:
  /// No address.
  constexpr error_address() noexcept = default;

  /// The address in `address`, of which `size` bytes are valid: IPv4, IPv6 and unix. Other families yield no address.
  /// Of a unix path or abstract name longer than 22 bytes the last 22 are kept.
  WRING_API error_address(const ::sockaddr& address, std::size_t size) noexcept;

  /// Text that stands where an address should (a name to resolve, input that could not be parsed). The first 22 bytes
  /// are kept.
  WRING_API static error_address from_text(std::string_view text) noexcept;

  [[nodiscard]] constexpr bool empty() const noexcept { return kind_ == kind::none; }

  /// The 4 or 16 bytes of an IP address, in network byte order; none for other addresses. They are in this object.
  [[nodiscard]] constexpr std::span<const unsigned char> ip_bytes() const noexcept {
    return std::span(bytes_).first(kind_ == kind::v4 ? 4 : kind_ == kind::v6 ? 16 : 0);
  }

  /// "127.0.0.1:80", "[fe80::1%2]:80", "unix:/run/x.sock", "unix:@name", `"text"`; what was cut is shown as "...".
  /// Control bytes are escaped. Empty if there is no address.
  [[nodiscard]] WRING_API std::string to_string() const;

  friend constexpr bool operator==(const error_address&, const error_address&) noexcept = default;

 private:
  enum class kind : std::uint8_t { none, v4, v6, unix_path, unix_abstract, unix_unnamed, text };

  static constexpr std::size_t capacity = 22;  // an IPv6 address with port and scope
  static constexpr std::uint8_t cut = 0x80;    // set in length_ where text was cut
  void store(kind what, std::string_view text, bool keep_tail) noexcept;

  kind kind_ = kind::none;
  std::uint8_t length_ = 0;
  std::array<unsigned char, capacity> bytes_{};  // IP: address, port, scope; others: text
};

/// What went wrong in which operation with which peer: a code, the operation, and where they are known the address, a
/// count and a detail. A small value (at most 48 bytes, trivially copyable) that is made, copied and inspected without
/// allocating or throwing; only message() builds the text. The texts it points to are never freed: pass literals.
class error {
 public:
  /// The error `code` of `operation`.
  constexpr error(errc code, const char* operation) noexcept
      : operation_(operation), code_(static_cast<std::int16_t>(code)), domain_(domain::wring) {}

  /// The error for `number`, an errno, or its negative as io_uring reports it.
  [[nodiscard]] static constexpr error from_errno(int number, const char* operation) noexcept {
    const int positive = number < 0 ? -number : number;
    if (positive == detail::not_simulated_errno) return {errc::not_simulated, operation};
    return {positive, operation};
  }

  /// The code, in std::system_category() or wring_category().
  [[nodiscard]] std::error_code code() const noexcept {
    return {code_, domain_ == domain::wring ? wring_category() : std::system_category()};
  }

  /// What was being done: "read from", "connect to". It reads well in front of an address.
  [[nodiscard]] constexpr const char* operation() const noexcept { return operation_; }

  /// More about the cause, or how to cure it. Null if there is none.
  [[nodiscard]] constexpr const char* detail() const noexcept { return detail_; }

  /// The address of the peer, or of whatever else the operation was about.
  [[nodiscard]] constexpr const error_address& address() const noexcept { return address_; }

  /// A number that belongs to the code: see `errc`.
  [[nodiscard]] constexpr std::optional<std::uint32_t> count() const noexcept {
    return count_ == no_count ? std::nullopt : std::optional(count_);
  }

  /// The same error with an address.
  [[nodiscard]] constexpr error with_address(const error_address& address) const noexcept {
    error copy = *this;
    copy.address_ = address;
    return copy;
  }

  /// The same error with a count; one past 2^32 - 2 is stored as 2^32 - 2.
  [[nodiscard]] constexpr error with_count(std::uint64_t count) const noexcept {
    error copy = *this;
    copy.count_ = count < no_count ? static_cast<std::uint32_t>(count) : no_count - 1;
    return copy;
  }

  /// The same error with a detail: a literal.
  [[nodiscard]] constexpr error with_detail(const char* text) const noexcept {
    error copy = *this;
    copy.detail_ = text;
    return copy;
  }

  /// "connect to 127.0.0.1:7000: Connection refused (errno 111)".
  [[nodiscard]] WRING_API std::string message() const;

  /// The same text with `subject` in place of the address.
  [[nodiscard]] WRING_API std::string message_about(std::string_view subject) const;

  /// Throws the error as an exception: a `timeout_error` for `errc::timed_out`, an `io_error` for everything else,
  /// the kernel's own ETIMEDOUT (a peer that no longer answers) included.
  [[noreturn]] WRING_API void raise() const;

  /// Whether the error is `code`.
  friend constexpr bool operator==(const error& e, errc code) noexcept {
    return e.domain_ == domain::wring && e.code_ == static_cast<int>(code);
  }

  /// Whether the error is `condition`: an errno, or a code of `errc` that is equivalent to one.
  friend bool operator==(const error& e, std::errc condition) noexcept { return e.code() == condition; }

 private:
  enum class domain : std::uint8_t { system, wring };
  static constexpr std::uint32_t no_count = UINT32_MAX;

  constexpr error(int number, const char* operation) noexcept
      : operation_(operation), code_(static_cast<std::int16_t>(number)), domain_(domain::system) {}

  const char* operation_;
  const char* detail_ = nullptr;
  std::uint32_t count_ = no_count;
  std::int16_t code_;  // an errno is below 4096
  domain domain_;
  error_address address_;
};

static_assert(std::is_trivially_copyable_v<error> && sizeof(error) <= 48);

/// A fault of an operation, as an exception. what() is the error's message.
class WRING_API io_error : public std::system_error {
 public:
  explicit io_error(const error& details);

  /// With a text of its own in place of the error's message.
  io_error(const error& details, const std::string& message);

  io_error(const io_error&) noexcept = default;
  io_error& operator=(const io_error&) noexcept = default;
  ~io_error() override;

  [[nodiscard]] const error& details() const noexcept { return details_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

 private:
  error details_;
  std::runtime_error text_;  // a string that can be copied without throwing
};

/// A deadline passed: `errc::timed_out`.
class WRING_API timeout_error : public io_error {
 public:
  using io_error::io_error;
  timeout_error(const timeout_error&) noexcept = default;
  timeout_error& operator=(const timeout_error&) noexcept = default;
  ~timeout_error() override;
};

}  // namespace wring
