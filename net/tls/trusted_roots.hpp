// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::net::tls {

namespace detail {
struct root_parts;
}

/// The certificates that others' chains must lead to: usually those of CAs. A value, which is copied cheaply.
///
/// Reading files throws io_error, which names the file: the system's error, or errc::tls_unusable if there is nothing
/// of the kind in it. That blocks, so do it before a server begins, or by `offload`.
class WRING_API trusted_roots {
 public:
  /// None.
  trusted_roots();

  /// Those of the system, or of the files that SSL_CERT_FILE and SSL_CERT_DIR name. They are read once in a process,
  /// on a thread of `thread_pool::crypto()`, when the first handshake needs them.
  [[nodiscard]] static trusted_roots system();
  /// Those in a PEM file.
  [[nodiscard]] static trusted_roots from_file(const std::string& path);
  /// The same from a text in memory, such as `certificate::pem()` of a certificate that has signed itself.
  [[nodiscard]] static trusted_roots from_pem(std::string_view text);

  /// Adds those in a PEM file.
  trusted_roots& add_file(const std::string& path);
  trusted_roots& add_pem(std::string_view text);
  /// Adds a PEM file of lists of revoked certificates (CRLs). Once there is one, there must be a current one of every
  /// CA in a chain. Not together with the system's roots: throws std::invalid_argument.
  trusted_roots& add_revocations(const std::string& path);

  /// For the library.
  [[nodiscard]] const detail::root_parts& parts() const noexcept { return *parts_; }

 private:
  [[nodiscard]] detail::root_parts& own();

  std::shared_ptr<detail::root_parts> parts_;
};

}  // namespace wring::net::tls
