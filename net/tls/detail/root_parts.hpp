// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <wring/net/tls/detail/openssl.hpp>

namespace wring::net::tls::detail {

/// What `trusted_roots` refer to.
struct root_parts {
  root_parts() = default;
  root_parts(const root_parts& other);
  root_parts& operator=(const root_parts&) = delete;

  /// A store of them; null for the system's alone, which is `system_store()`.
  [[nodiscard]] owned<X509_STORE> make_store() const;

  bool system = false;
  std::vector<owned<X509>> certificates;
  std::vector<owned<X509_CRL>> revocations;
};

/// Whether the system's roots have been loaded.
[[nodiscard]] bool system_store_loaded() noexcept;
/// The system's roots. Loads them when called first, which takes some 100 ms. Any thread.
[[nodiscard]] X509_STORE* system_store();

}  // namespace wring::net::tls::detail
