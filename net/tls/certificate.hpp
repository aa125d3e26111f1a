// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>

namespace wring::net::tls {

namespace detail {
struct certificate_parts;
struct ocsp_response;
}  // namespace detail

/// The SHA-256 of a public key (its SubjectPublicKeyInfo, as in RFC 7469): what `client_settings::pin` takes. Made by
///
///     openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256
using key_digest = std::array<std::byte, 32>;

/// A certificate that a peer has shown.
struct peer_certificate {
  std::string subject;  ///< as text (RFC 4514)
  std::string issuer;   ///< the same
  std::chrono::sys_seconds valid_from;
  std::chrono::sys_seconds valid_until;
  std::vector<std::byte> encoded;  ///< in DER
};

/// What a program proves its identity with: a certificate, those of the CAs between it and a root, and its private key.
/// A handle: copies refer to the same, which never changes, and may be used by all threads.
///
/// What cannot be used is refused when it is made, with io_error (errc::tls_unusable, or the system's error for a
/// file), whose text names the file and the reason: no certificate or key in it, a wrong passphrase, a key that belongs
/// to another certificate, one that is not valid yet or has expired, a chain in the wrong order. Making one reads files
/// and computes: before a server begins, or by `offload`.
class WRING_API certificate {
 public:
  /// Called for an encrypted key; an empty text gives up. Without it an encrypted key is refused: nobody is asked.
  using passphrase = std::function<std::string()>;

  /// From PEM files: of the certificate, followed by those of the CAs that lead to a root, and of the key. They may be
  /// the same file.
  [[nodiscard]] static certificate from_files(const std::string& chain, const std::string& key,
                                              const passphrase& ask = {});
  /// The same from texts in memory.
  [[nodiscard]] static certificate from_pem(std::string_view chain, std::string_view key, const passphrase& ask = {});
  /// A new one for these names and addresses, signed by itself, with a key (P-256) that is in memory alone: for tests,
  /// demonstrations, and peers that pin it. Throws std::invalid_argument if there is no name, or one is malformed.
  [[nodiscard]] static certificate self_signed(const std::vector<std::string>& names,
                                               duration valid = std::chrono::hours(24 * 30));

  /// The same with what its CA says of it, an OCSP response (RFC 6960) in DER: a server presents that to clients that
  /// ask for it (stapling), as long as it is not out of date. It is refused as above if it is not about this
  /// certificate, not signed by the CA in the chain, or says that the certificate was revoked. A CA gives a new one
  /// every few days, which the program fetches, and passes on by `server_context::replace`:
  ///
  ///     openssl ocsp -issuer ca.pem -cert server.pem -url http://ocsp.example.org -respout server.ocsp
  [[nodiscard]] certificate with_ocsp_file(const std::string& path) const;
  [[nodiscard]] certificate with_ocsp(std::span<const std::byte> response) const;
  /// Until when the OCSP response may be presented; none without one.
  [[nodiscard]] std::optional<std::chrono::sys_seconds> ocsp_until() const;

  /// The names (DNS) and addresses that it is for.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Its subject, as text (RFC 4514).
  [[nodiscard]] std::string subject() const;
  /// It and its chain in PEM, without the key: what others may trust.
  [[nodiscard]] std::string pem() const;
  /// Its key in PEM, without a passphrase: for a file that nobody else can read.
  [[nodiscard]] std::string key_pem() const;
  /// Of its key.
  [[nodiscard]] key_digest digest() const;

  /// For the library.
  [[nodiscard]] const detail::certificate_parts& parts() const noexcept { return *parts_; }
  [[nodiscard]] const std::shared_ptr<const detail::ocsp_response>& ocsp() const noexcept { return ocsp_; }

 private:
  explicit certificate(std::shared_ptr<const detail::certificate_parts> parts) noexcept : parts_(std::move(parts)) {}

  std::shared_ptr<const detail::certificate_parts> parts_;
  std::shared_ptr<const detail::ocsp_response> ocsp_;
};

}  // namespace wring::net::tls
