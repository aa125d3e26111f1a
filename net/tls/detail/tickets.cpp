// SPDX-License-Identifier: MIT
#include <cstring>
#include <new>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <wring/net/tls/detail/tickets.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr std::size_t tickets_each = 2;
constexpr long lifetime = 8 * 3600;  // in seconds: less than that of the keys

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

int ring_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// Looked up once: that takes locks.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return fetched;
}

/// What OpenSSL calls to encrypt a ticket and to decrypt one. Returns 0 for one of no known key, 2 for one that is to
/// be replaced: in TLS 1.3 each is used once.
int apply_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int encrypts) noexcept {
  auto& ring = *static_cast<ticket_ring*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ring_index()));
  ticket_key key;
  int outcome = 1;
  if (encrypts == 1) {
    key = ring.newest();
    std::memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
  } else {
    const auto known = ring.find(name);
    if (!known) return 0;
    key = known->key;
    if (!known->is_newest || SSL_version(ssl) == TLS1_3_VERSION) outcome = 2;
  }
  char digest[] = "SHA256";
  const OSSL_PARAM how[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  const bool applied =
      EVP_MAC_CTX_set_params(mac, how) == 1 &&
      EVP_CipherInit_ex(cipher, ticket_cipher(), nullptr, key.cipher.data(), iv, encrypts == 1 ? 1 : 0) == 1;
  OPENSSL_cleanse(&key, sizeof key);
  return applied ? outcome : -1;
}

/// What OpenSSL calls for a ticket that was decrypted, or not. `argument` is not null if a certificate is required.
SSL_TICKET_RETURN judge_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t, SSL_TICKET_STATUS status,
                               void* argument) noexcept {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* const peer = SSL_SESSION_get0_peer(session);
  if (peer == nullptr && argument != nullptr) return SSL_TICKET_RETURN_IGNORE_RENEW;
  if (peer != nullptr && X509_cmp_current_time(X509_get0_notAfter(peer)) < 0) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

policy_digest digest_policy(int verify_mode, const root_parts& roots, const std::vector<unsigned char>& protocols) {
  struct free_digest {
    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
  };
  const std::unique_ptr<EVP_MD_CTX, free_digest> all(EVP_MD_CTX_new());
  require(all != nullptr && EVP_DigestInit_ex(all.get(), EVP_sha256(), nullptr) == 1);
  const auto add = [&](const void* data, std::size_t size) {
    // Each part with its size, so that no two lists of parts are the same bytes.
    require(EVP_DigestUpdate(all.get(), &size, sizeof size) == 1 && EVP_DigestUpdate(all.get(), data, size) == 1);
  };
  add(&verify_mode, sizeof verify_mode);
  add(&roots.system, sizeof roots.system);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  for (const auto& root : roots.certificates) {
    require(X509_digest(root.get(), EVP_sha256(), digest, &size) == 1);
    add(digest, size);
  }
  add("", 0);
  for (const auto& list : roots.revocations) {
    require(X509_CRL_digest(list.get(), EVP_sha256(), digest, &size) == 1);
    add(digest, size);
  }
  add(protocols.data(), protocols.size());
  policy_digest policy;
  require(EVP_DigestFinal_ex(all.get(), policy.data(), nullptr) == 1);
  return policy;
}

void offer_tickets(SSL_CTX* context, const std::shared_ptr<ticket_ring>& keys, bool requires_peer) {
  require(ticket_cipher() != nullptr && SSL_CTX_set_ex_data(context, ring_index(), keys.get()) == 1);
  SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  require(SSL_CTX_set_num_tickets(context, tickets_each) == 1);
  SSL_CTX_set_timeout(context, lifetime);
  require(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &apply_key) == 1);
  require(SSL_CTX_set_session_ticket_cb(context, nullptr, &judge_ticket, requires_peer ? context : nullptr) == 1);
}

}  // namespace wring::net::tls::detail
