// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/tls/detail/openssl.hpp>
#include <wring/net/tls/handshake.hpp>
#include <wring/net/tls/tls_stream.hpp>

namespace wring::tests {

namespace tls = net::tls;
using tls::detail::checked;
using tls::detail::owned;

/// Keys that tests share: making one takes time.
inline EVP_PKEY* first_key() {
  static const owned<EVP_PKEY> key = checked(EVP_EC_gen("P-256"));
  return key.get();
}
inline EVP_PKEY* second_key() {
  static const owned<EVP_PKEY> key = checked(EVP_EC_gen("P-256"));
  return key.get();
}
inline EVP_PKEY* weak_key() {
  static const owned<EVP_PKEY> key = checked(EVP_RSA_gen(1024U));
  return key.get();
}

/// What a certificate of a test is like.
struct likeness {
  std::string subject = "server";
  std::string names = "DNS:server.example";
  std::string purpose = "serverAuth,clientAuth";
  EVP_PKEY* key = first_key();
  long from = -3600;  ///< seconds from now
  long until = 3600;
  bool is_ca = false;
};

/// A certificate, its key and what it was signed by.
class identity {
 public:
  /// Signed by `issuer`, or by itself.
  explicit identity(const likeness& like, const identity* issuer = nullptr)
      : key_(like.key), x509_(checked(X509_new())) {
    X509* const made = x509_.get();
    static long serial = 1000;
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_set_version(made, X509_VERSION_3);
    X509_set_pubkey(made, key_);
    X509_gmtime_adj(X509_getm_notBefore(made), like.from);
    X509_gmtime_adj(X509_getm_notAfter(made), like.until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(like.subject.c_str()), -1, -1, 0);
    const X509* const by = issuer != nullptr ? issuer->x509_.get() : made;
    X509_set_issuer_name(made, X509_get_subject_name(by));
    extend(NID_basic_constraints, like.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(NID_key_usage, like.is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (!like.is_ca) {
      if (!like.purpose.empty()) extend(NID_ext_key_usage, like.purpose);
      if (!like.names.empty()) extend(NID_subject_alt_name, like.names);
    }
    X509_sign(made, issuer != nullptr ? issuer->key_ : key_, EVP_sha256());
  }

  [[nodiscard]] X509* x509() const noexcept { return x509_.get(); }
  [[nodiscard]] EVP_PKEY* key() const noexcept { return key_; }
  [[nodiscard]] std::string pem() const {
    const auto out = checked(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), x509_.get());
    return text(out.get());
  }
  [[nodiscard]] std::string key_pem(const char* passphrase = nullptr) const {
    const auto out = checked(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(out.get(), key_, passphrase != nullptr ? EVP_aes_128_cbc() : nullptr, passphrase,
                                  passphrase != nullptr ? static_cast<int>(std::string(passphrase).size()) : 0, nullptr,
                                  nullptr);
    return text(out.get());
  }
  /// A list of this CA's that revokes `which`.
  [[nodiscard]] std::string revocations(const identity* which) const {
    const owned<X509_CRL> list = checked(X509_CRL_new());
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(x509_.get()));
    ASN1_TIME* const now = X509_gmtime_adj(nullptr, -60);
    ASN1_TIME* const later = X509_gmtime_adj(nullptr, 3600);
    X509_CRL_set1_lastUpdate(list.get(), now);
    X509_CRL_set1_nextUpdate(list.get(), later);
    if (which != nullptr) {
      X509_REVOKED* const entry = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(which->x509_.get()));
      X509_REVOKED_set_revocationDate(entry, now);
      X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_CRL_sign(list.get(), key_, EVP_sha256());
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    const auto out = checked(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509_CRL(out.get(), list.get());
    return text(out.get());
  }

 private:
  void extend(int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509_.get(), x509_.get(), nullptr, nullptr, 0);
    const owned<X509_EXTENSION> extension = checked(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    X509_add_ext(x509_.get(), extension.get(), -1);
  }
  static std::string text(BIO* from) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(from, &data);
    return {data, static_cast<std::size_t>(size)};
  }

  EVP_PKEY* key_;
  owned<X509> x509_;
};

/// What nearly all tests use: a CA, and a server's certificate of its.
inline const identity& test_ca() {
  static const identity ca({.subject = "Test CA", .is_ca = true});
  return ca;
}
inline tls::certificate issued(const likeness& like, const identity& by = test_ca()) {
  const identity made(like, &by);
  return tls::certificate::from_pem(made.pem(), made.key_pem());
}
inline const tls::server_context& test_server() {
  static const tls::server_context context{tls::server_settings(issued({}))};
  return context;
}
inline const tls::client_context& test_client() {
  static const tls::client_context context(tls::client_settings().trust(tls::trusted_roots::from_pem(test_ca().pem())));
  return context;
}

using tls_pair = std::pair<net::tls_stream, net::tls_stream>;

/// The client's and the server's end of TLS over two connected streams.
inline task<tls_pair> secured(tls::client_context client, tls::server_context server, net::any_stream near,
                              net::any_stream far, std::string host = "server.example") {
  tls_pair ends;
  nursery both;
  auto connect = [&]() -> task<> { ends.first = co_await tls::connect(client, std::move(near), host); };
  auto accept = [&]() -> task<> { ends.second = co_await tls::accept(server, std::move(far)); };
  auto body = [&]() -> task<> {
    both.start(std::ref(connect));
    both.start(std::ref(accept));
    co_return;
  };
  co_await both.run(std::ref(body));
  co_return std::move(ends);
}

inline task<tls_pair> secured_memory(net::memory_stream_options options = {}) {
  auto [near, far] = net::make_memory_stream_pair(options);
  co_return co_await secured(test_client(), test_server(), net::any_stream(std::move(near)),
                             net::any_stream(std::move(far)));
}

/// The handshake of a server that is OpenSSL alone, and may be as careless as `context` says.
inline task<> accept_by_openssl(net::memory_stream& peer, SSL_CTX& context) {
  const owned<SSL> ssl = checked(SSL_new(&context));
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  for (;;) {
    const int ended = SSL_accept(ssl.get());
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out, &data));
    if (size != 0) {
      const auto sent = co_await peer.write_all(std::string_view(data, size)).result();
      static_cast<void>(BIO_reset(out));
      if (!sent) co_return;
    }
    if (ended == 1 || SSL_get_error(ssl.get(), ended) != SSL_ERROR_WANT_READ) co_return;
    const auto chunk = co_await peer.read_some().result();
    if (!chunk || chunk->empty()) co_return;
    BIO_write(in, chunk->data(), static_cast<int>(chunk->size()));
  }
}

}  // namespace wring::tests
