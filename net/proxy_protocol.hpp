// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

/// A value that a header of version 2 holds besides the addresses.
enum class proxy_field : std::uint8_t {
  alpn = 0x01,        ///< the protocol that was negotiated, as in TLS
  authority = 0x02,   ///< the host's name that the client has asked for: TLS's server name
  checksum = 0x03,    ///< CRC-32C of the header: checked, and written, by the functions below
  padding = 0x04,     ///< to be ignored
  unique_id = 0x05,   ///< names the connection, up to 128 bytes
  tls = 0x20,         ///< how the client has connected to the proxy by TLS, in fields of its own
  network_ns = 0x30,  ///< the network namespace's name
  aws = 0xea,         ///< of Amazon's load balancers
  azure = 0xee,       ///< of Azure's
  google = 0xe0,      ///< of Google's
};

/// What the header of the PROXY protocol says of a connection:
/// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
class WRING_API proxy_header {
 public:
  /// Without addresses: the proxy speaks for itself (LOCAL), to see whether the server is well for instance, or does
  /// not know whom it speaks for (UNKNOWN, UNSPEC). The connection's own addresses are to be used.
  proxy_header() noexcept = default;
  /// For a connection from `source`, which has reached the proxy at `destination`. Both IPv4, IPv6, or Unix sockets; a
  /// header of others has no addresses.
  proxy_header(const socket_address& source, const socket_address& destination) noexcept;

  /// Whether there are no addresses.
  [[nodiscard]] bool is_local() const noexcept { return source_.empty(); }
  /// The client's address; empty if is_local(), as is the next.
  [[nodiscard]] const socket_address& source() const noexcept { return source_; }
  /// The address that the client has connected to.
  [[nodiscard]] const socket_address& destination() const noexcept { return destination_; }

  /// The first field of this kind; none if there is none.
  [[nodiscard]] std::optional<std::span<const std::byte>> find(proxy_field kind) const noexcept;
  /// The same as text; empty if there is none.
  [[nodiscard]] std::string_view text_of(proxy_field kind) const noexcept;
  /// Calls `visit(kind, value)` for each field, in their order.
  template <class Visit>
  void for_each_field(Visit visit) const {
    std::span<const std::byte> rest = fields_;
    while (!rest.empty()) {
      const std::size_t size = size_of_first(rest);
      visit(static_cast<proxy_field>(rest[0]), rest.subspan(field_head, size));
      rest = rest.subspan(field_head + size);
    }
  }
  /// Adds a field, for version 2, which writes no checksum but its own. Throws std::length_error where the header would
  /// have more than 65,535 bytes.
  void add(proxy_field kind, std::span<const std::byte> value);
  void add(proxy_field kind, std::string_view value) { add(kind, std::as_bytes(std::span(value))); }

  /// The header in the text format of version 1. It has no fields, and no Unix addresses: UNKNOWN.
  [[nodiscard]] std::vector<std::byte> version_1() const;
  /// The header in the binary format of version 2; `checksum`: with a CRC-32C, which costs 7 bytes. That of a header
  /// which was read, and may have been changed since, is not passed on.
  [[nodiscard]] std::vector<std::byte> version_2(bool checksum = false) const;

 private:
  friend class proxy_parser;
  static constexpr std::size_t field_head = 3;
  static std::size_t size_of_first(std::span<const std::byte> fields) noexcept;

  socket_address source_;
  socket_address destination_;
  std::vector<std::byte> fields_;  // as in the header, each well formed
};

/// Reads a header of either version, piece by piece, however it is cut. It is strict: what the specification does not
/// allow is refused, what does not begin as a header at its first byte. It keeps no more than the header.
class WRING_API proxy_parser {
 public:
  /// The most bytes of a header of version 1.
  static constexpr std::size_t largest_version_1 = 107;
  /// The first bytes of a header of version 2, up to its length.
  static constexpr std::size_t fixed_size = 16;

  /// `most_bytes`: of a header of version 2, at least 232 (what Unix addresses take).
  explicit proxy_parser(std::size_t most_bytes = 4096) noexcept;

  /// Takes bytes up to the end of the header. Returns how many; the rest is not the header's. Fails with EPROTO, or
  /// with errc::limit_exceeded, and from then on always.
  [[nodiscard]] result<std::size_t> feed(std::span<const std::byte> bytes);

  /// The header is complete.
  [[nodiscard]] bool done() const noexcept { return state_ == state::done; }
  /// Bytes that the header has at least, beyond those that it has been fed: reading no more than that never reads what
  /// follows it. 0 when it is done.
  [[nodiscard]] std::size_t missing() const noexcept;
  /// Bytes of the header so far.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  /// 1 or 2, once that is known; 0 before.
  [[nodiscard]] int version() const noexcept { return version_; }
  /// The header, once it is done.
  [[nodiscard]] const proxy_header& header() const noexcept { return header_; }
  [[nodiscard]] proxy_header&& take() noexcept { return static_cast<proxy_header&&>(header_); }

 private:
  enum class state : std::uint8_t { reading, done, failed };

  [[nodiscard]] const char* next_bytes(std::span<const std::byte>& bytes);
  [[nodiscard]] const char* check_fixed();
  [[nodiscard]] const char* parse_text() noexcept;
  [[nodiscard]] const char* parse_binary();
  [[nodiscard]] const char* parse_fields(std::size_t from);
  [[nodiscard]] bool checksum_matches(std::size_t at) const noexcept;

  std::size_t most_bytes_;
  std::vector<std::byte> bytes_;
  std::size_t whole_ = fixed_size;  // of a header of version 2, once its length is known
  state state_ = state::reading;
  bool too_long_ = false;
  int version_ = 0;
  proxy_header header_;
};

}  // namespace wring::net
