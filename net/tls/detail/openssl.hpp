// SPDX-License-Identifier: MIT
// What the sources of this room need of OpenSSL. Headers that users include name its types at most.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/error.hpp>

static_assert(OPENSSL_VERSION_NUMBER >= 0x30000000L, "wring-tls needs OpenSSL 3.0 or later");

namespace wring::net::tls::detail {

struct openssl_free {
  void operator()(BIO* p) const noexcept { BIO_free_all(p); }
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(SSL* p) const noexcept { SSL_free(p); }
  void operator()(SSL_SESSION* p) const noexcept { SSL_SESSION_free(p); }
  void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(X509_CRL* p) const noexcept { X509_CRL_free(p); }
  void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
  void operator()(X509_STORE* p) const noexcept { X509_STORE_free(p); }
  void operator()(GENERAL_NAMES* p) const noexcept { GENERAL_NAMES_free(p); }
};

template <class T>
using owned = std::unique_ptr<T, openssl_free>;

/// Throws std::bad_alloc for a null pointer, for functions of OpenSSL that fail for want of memory alone.
template <class T>
owned<T> checked(T* made) {
  if (made == nullptr) throw std::bad_alloc();
  return owned<T>(made);
}

/// What OpenSSL's queue of this thread says last has failed, and empties the queue.
[[nodiscard]] std::string take_openssl_reason();

/// Throws io_error (errc::tls_unusable): `operation` with `subject`, a file's name for instance, for that reason.
[[noreturn]] void raise_unusable(const char* operation, std::string_view subject, std::string_view reason);

/// The text of a name, by RFC 4514.
[[nodiscard]] std::string name_text(const X509_NAME* name);
/// In DER.
[[nodiscard]] std::vector<std::byte> encoded(const X509& certificate);
/// The SHA-256 of the public key's SubjectPublicKeyInfo. False if there is no memory.
[[nodiscard]] bool digest_key(const X509& certificate, unsigned char (&into)[32]) noexcept;

/// Why a certificate was not accepted, in words: a literal. `depth` is its place in the chain, 0 the peer's own.
[[nodiscard]] const char* verification_text(long code, int depth) noexcept;

}  // namespace wring::net::tls::detail
