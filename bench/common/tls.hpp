// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <span>
#include <utility>
#include <vector>

namespace bench {

/// Ends the program if OpenSSL has failed.
inline void require_tls(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s: ", what);
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

/// What has the servers of a run present the same: a P-256 key, and a certificate that it has signed itself.
inline SSL_CTX* tls_server_context() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const own = X509_new();
  X509_set_version(own, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(own), 1);
  X509_gmtime_adj(X509_getm_notBefore(own), 0);
  X509_gmtime_adj(X509_getm_notAfter(own), 24L * 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(own), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(own, X509_get_subject_name(own));
  X509_set_pubkey(own, key);
  require_tls(X509_sign(own, key, EVP_sha256()) != 0, "sign a certificate");
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  require_tls(SSL_CTX_use_certificate(context, own) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1,
              "use a certificate");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  EVP_PKEY_free(key);
  X509_free(own);
  return context;
}

/// A client that believes everyone, and speaks TLS 1.3 alone with the suite that all servers have.
inline SSL_CTX* tls_client_context() {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  require_tls(SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") == 1 &&
                  SSL_CTX_set1_groups_list(context, "X25519") == 1,
              "choose the suite");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return context;
}

/// One side of a connection as a function of bytes, by OpenSSL alone: records come in where they were received, and go
/// out through memory that is kept.
class tls_end {
 public:
  tls_end(SSL_CTX* context, bool accepts) : ssl_(SSL_new(context)) {
    BIO* const bio = BIO_new(method());
    require_tls(ssl_ != nullptr && bio != nullptr, "make a connection");
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    if (accepts) {
      SSL_set_accept_state(ssl_);
    } else {
      SSL_set_connect_state(ssl_);
    }
  }
  tls_end(const tls_end&) = delete;
  tls_end& operator=(const tls_end&) = delete;
  ~tls_end() { SSL_free(ssl_); }

  /// What was received, until all of it was read.
  void feed(std::span<const char> received) noexcept { input_ = received; }
  /// Goes on with the handshake. True when it is done.
  bool shake() {
    clear_errors();
    const int returned = SSL_do_handshake(ssl_);
    if (returned == 1) return true;
    require_tls(SSL_get_error(ssl_, returned) == SSL_ERROR_WANT_READ, "handshake");
    return false;
  }
  [[nodiscard]] bool shaken() const noexcept { return SSL_is_init_finished(ssl_) == 1; }
  /// The next data; 0: there is no more in what was received.
  std::size_t read(std::span<char> into) {
    if (input_.empty() && SSL_pending(ssl_) == 0) return 0;  // what OpenSSL would find out takes it long
    clear_errors();
    const int returned = SSL_read(ssl_, into.data(), static_cast<int>(into.size()));
    if (returned > 0) return static_cast<std::size_t>(returned);
    const int why = SSL_get_error(ssl_, returned);
    require_tls(why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN, "read");
    return 0;
  }
  void write(std::span<const char> data) {
    clear_errors();
    require_tls(SSL_write(ssl_, data.data(), static_cast<int>(data.size())) == static_cast<int>(data.size()), "write");
  }
  void shut_down() noexcept { SSL_shutdown(ssl_); }

  /// Records to be sent. Taken, they stay as they are until the next are taken.
  [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }
  std::span<const char> take_output() {
    taken_.clear();
    std::swap(taken_, output_);
    return taken_;
  }

 private:
  /// To look is cheap, to empty an empty queue takes hundreds of instructions.
  static void clear_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
  }
  static int read_bio(BIO* bio, char* into, int size) {
    auto& self = *static_cast<tls_end*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t count = std::min(self.input_.size(), static_cast<std::size_t>(size));
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(into, self.input_.data(), count);
    self.input_ = self.input_.subspan(count);
    return static_cast<int>(count);
  }
  static int write_bio(BIO* bio, const char* from, int size) {
    auto& self = *static_cast<tls_end*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    self.output_.insert(self.output_.end(), from, from + size);
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bench");
      BIO_meth_set_read(m, &read_bio);
      BIO_meth_set_write(m, &write_bio);
      BIO_meth_set_ctrl(m, &control);
      return m;
    }();
    return made;
  }

  SSL* ssl_;
  std::span<const char> input_;
  std::vector<char> output_;
  std::vector<char> taken_;
};

}  // namespace bench
