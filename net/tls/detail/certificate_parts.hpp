// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <wring/net/tls/detail/openssl.hpp>

namespace wring::net::tls::detail {

/// What a `certificate` refers to.
struct certificate_parts {
  owned<X509> leaf;
  std::vector<owned<X509>> chain;  ///< that of the CA that has signed it first
  owned<EVP_PKEY> key;
  std::vector<std::string> names;  ///< of DNS, in lower case
  bool slow = false;               ///< signing with the key takes milliseconds

  /// Has the context present it. Throws io_error.
  void give_to(SSL_CTX* context) const;
};

/// All the certificates in a PEM text, in their order. `subject` is what an error names.
[[nodiscard]] std::vector<owned<X509>> read_certificates(std::string_view pem, std::string_view subject);

/// The content of a file, of at most 16 MiB. Throws io_error that names it.
[[nodiscard]] std::string read_whole_file(const std::string& path);

}  // namespace wring::net::tls::detail
