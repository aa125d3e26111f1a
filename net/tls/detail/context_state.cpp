// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>
#include <openssl/err.h>
#include <stdexcept>

#include <fmt/format.h>

#include <wring/net/tls/detail/callback_target.hpp>
#include <wring/net/tls/detail/certificate_parts.hpp>
#include <wring/net/tls/detail/context_state.hpp>
#include <wring/net/tls/detail/ocsp.hpp>
#include <wring/net/tls/detail/root_parts.hpp>
#include <wring/net/tls/detail/tickets.hpp>

namespace wring::net::tls::detail {

namespace {

// Forward secrecy, authenticated encryption. Those of TLS 1.3 all have both.
constexpr const char* suites = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr long most_certificate_bytes = 32 * 1024;
/// The longest name of DNS.
constexpr std::size_t longest_name = 255;

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

std::vector<unsigned char> wire_format(const std::vector<std::string>& protocols) {
  std::vector<unsigned char> wire;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) {
      throw std::invalid_argument("TLS: the name of a protocol for ALPN has 1 to 255 bytes");
    }
    wire.push_back(static_cast<unsigned char>(name.size()));
    wire.insert(wire.end(), name.begin(), name.end());
  }
  if (wire.size() > 65535) throw std::invalid_argument("TLS: too many protocols for ALPN");
  return wire;
}

int number(protocol_version version) noexcept {
  return version == protocol_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

bool is_pinned(X509* certificate, const std::vector<key_digest>& pins) noexcept {
  unsigned char digest[32];
  return certificate != nullptr && digest_key(*certificate, digest) &&
         std::ranges::any_of(pins, [&](const key_digest& pin) { return std::memcmp(pin.data(), digest, 32) == 0; });
}

callback_target& target_of(SSL* ssl) noexcept { return *static_cast<callback_target*>(SSL_get_app_data(ssl)); }

/// What OpenSSL calls for the peer's certificates. `argument` is the context_state.
int verify(X509_STORE_CTX* chain, void* argument) noexcept {
  const auto& state = *static_cast<const context_state*>(argument);
  bool accepted = true;
  if (state.verifies()) {
    accepted = X509_verify_cert(chain) == 1;
    if (!accepted && X509_STORE_CTX_get_error(chain) == X509_V_OK) {
      X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
    }
  } else {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
  }
  if (accepted && !state.pins().empty()) {
    accepted = is_pinned(X509_STORE_CTX_get0_cert(chain), state.pins());
    if (state.verifies()) {
      STACK_OF(X509)* const all = X509_STORE_CTX_get0_chain(chain);
      for (int i = 1; i < sk_X509_num(all); ++i) accepted |= is_pinned(sk_X509_value(all, i), state.pins());
    }
    if (!accepted) X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
  }
  auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  target_of(ssl).looked_at(X509_STORE_CTX_get_error_depth(chain));
  return accepted ? 1 : 0;
}

void verify_by(SSL_CTX* context, const context_state& state, int mode) {
  SSL_CTX_set_verify(context, mode, nullptr);
  // OpenSSL takes what it passes on as not const.
  SSL_CTX_set_cert_verify_callback(context, &verify, const_cast<context_state*>(&state));
}

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void* argument) noexcept {
  const auto& ours = *static_cast<const std::vector<unsigned char>*>(argument);
  unsigned char* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_size, ours.data(), static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = chosen;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// The name in the extension of a ClientHello: a list of entries of which one is a host's name. Empty if there is none,
/// or it is malformed, which OpenSSL refuses later.
std::string_view requested_name(SSL* ssl) noexcept {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  // Two bytes for the length of the list; a byte for the kind, two for the length of the name.
  constexpr std::size_t head = 5;
  if (size <= head || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t list = static_cast<std::size_t>(data[0]) << 8 | data[1];
  const std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
  if (list != size - 2 || length != size - head || length > longest_name) return {};
  return {reinterpret_cast<const char*>(data + head), length};
}

/// `argument` is the server_state. Before everything else of the handshake: OpenSSL's callback for the name comes too
/// late for what depends on the context.
int choose_certificate(SSL* ssl, int* alert, void* argument) noexcept {
  const auto& state = *static_cast<const server_state*>(argument);
  SSL_CTX* const chosen = state.choose(requested_name(ssl));
  if (chosen == nullptr) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (chosen != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, chosen);
  return SSL_CLIENT_HELLO_SUCCESS;
}

/// OpenSSL's callback for the lines of the key log has no argument; the context has.
int log_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

SSL_CTX* context_state::add_context(const SSL_METHOD* method, protocol_version lowest, protocol_version highest) {
  if (lowest > highest) throw std::invalid_argument("TLS: there is no version from the lowest to the highest");
  SSL_CTX* const context = contexts_.emplace_back(checked(SSL_CTX_new(method))).get();
  // 112 bits at least: RSA keys of 2,048 bits, no SHA-1.
  SSL_CTX_set_security_level(context, 2);
  require(SSL_CTX_set_min_proto_version(context, number(lowest)) == 1 &&
          SSL_CTX_set_max_proto_version(context, number(highest)) == 1);
  require(SSL_CTX_set_cipher_list(context, suites) == 1 && SSL_CTX_set1_groups_list(context, groups) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  // Messages between the data are counted by the engine, so OpenSSL must come back after each.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_max_cert_list(context, most_certificate_bytes);
  return context;
}

void context_state::log_keys(SSL_CTX* context) const {
  if (!log_) return;
  require(SSL_CTX_set_ex_data(context, log_index(), const_cast<std::function<void(std::string_view)>*>(&log_)) == 1);
  SSL_CTX_set_keylog_callback(context, [](const SSL* ssl, const char* line) {
    const auto* const log = static_cast<const std::function<void(std::string_view)>*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), log_index()));
    (*log)(line);
  });
}

client_state::client_state(const client_settings& settings) : remembered_(settings.remembered_) {
  SSL_CTX* const context = add_context(TLS_client_method(), settings.lowest_, settings.highest_);
  verifies_ = settings.verifies_;
  pins_ = settings.pins_;
  log_ = settings.log_;
  protocols_ = wire_format(settings.protocols_);
  if (verifies_) {
    if (const auto store = settings.roots_.parts().make_store()) {
      SSL_CTX_set1_cert_store(context, store.get());
    } else {
      needs_system_store_ = true;
    }
  }
  verify_by(context, *this, SSL_VERIFY_PEER);
  if (settings.own_) {
    settings.own_->parts().give_to(context);
    slow_ = settings.own_->parts().slow;
  }
  if (settings.requires_ocsp_) {
    if (!verifies_) throw std::invalid_argument("TLS: without verification there is no CA whose OCSP response counts");
    require_ocsp_response(context, needs_system_store_);
  }
  if (!protocols_.empty()) {
    require(SSL_CTX_set_alpn_protos(context, protocols_.data(), static_cast<unsigned>(protocols_.size())) == 0);
  }
  if (remembered_ != 0) {
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
      target_of(ssl).offered(*session);
      return 1;  // it is ours now
    });
  }
  log_keys(context);
}

server_state::server_state(const server_settings& settings, const ticket_keys& own_keys)
    : tickets_(settings.tickets_.value_or(own_keys)), strict_names_(settings.strict_names_) {
  verifies_ = true;
  log_ = settings.log_;
  protocols_ = wire_format(settings.protocols_);
  const bool asks = settings.clients_ != client_certificates::none;
  const root_parts& roots = settings.roots_.parts();
  owned<X509_STORE> store;
  if (asks) {
    if (!roots.system && roots.certificates.empty()) {
      throw std::invalid_argument("TLS: clients cannot be verified without roots");
    }
    store = roots.make_store();
    needs_system_store_ = store == nullptr;
  }
  const int mode = !asks ? SSL_VERIFY_NONE
                   : settings.clients_ == client_certificates::requested
                       ? SSL_VERIFY_PEER
                       : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  requires_peer_ = settings.clients_ == client_certificates::required;
  const policy_digest policy = digest_policy(mode, asks ? roots : root_parts(), protocols_);
  // A context for each certificate, which is all that they differ in.
  for (const certificate& own : settings.certificates_) {
    SSL_CTX* const context = add_context(TLS_server_method(), settings.lowest_, settings.highest_);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    own.parts().give_to(context);
    if (own.ocsp() != nullptr) ocsp_.emplace_back(own.ocsp())->give_to(context);
    slow_ = slow_ || own.parts().slow;
    verify_by(context, *this, mode);
    if (store != nullptr) SSL_CTX_set1_cert_store(context, store.get());
    for (const auto& root : roots.certificates) {
      if (asks) require(SSL_CTX_add_client_CA(context, root.get()) == 1);
    }
    if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(context, &select_protocol, &protocols_);
    SSL_CTX_set_client_hello_cb(context, &choose_certificate, this);
    require(SSL_CTX_set_session_id_context(context, policy.data(), static_cast<unsigned>(policy.size())) == 1);
    if (settings.offers_tickets_) offer_tickets(context, tickets_.ring(), requires_peer_);
    log_keys(context);
    for (const std::string& name : own.parts().names) {
      // Of several certificates for a name the first is taken.
      if (std::ranges::find(names_, name, &named_context::first) == names_.end()) names_.emplace_back(name, context);
    }
  }
  std::ranges::sort(names_, {}, &named_context::first);
}

SSL_CTX* server_state::choose(std::string_view name) const noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::array<char, longest_name> lower;
  if (name.empty() || name.size() > lower.size()) return context();
  std::ranges::transform(name, lower.begin(),
                         [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  const std::string_view wanted(lower.data(), name.size());
  const auto find = [&](std::string_view key) -> SSL_CTX* {
    const auto text = [](const auto& entry) -> std::string_view { return entry.first; };
    const auto at = std::ranges::lower_bound(names_, key, {}, text);
    return at != names_.end() && at->first == key ? at->second : nullptr;
  };
  if (SSL_CTX* const exact = find(wanted)) return exact;
  // "*.example.org" is for one label in place of the star.
  if (const std::size_t dot = wanted.find('.'); dot != 0 && dot != wanted.npos) {
    std::array<char, longest_name + 1> wildcard;
    wildcard[0] = '*';
    const std::string_view parent = wanted.substr(dot);
    std::ranges::copy(parent, wildcard.begin() + 1);
    if (SSL_CTX* const found = find({wildcard.data(), parent.size() + 1})) return found;
  }
  return strict_names_ ? nullptr : context();
}

}  // namespace wring::net::tls::detail

namespace wring::net::tls {

client_context::client_context(const client_settings& settings)
    : state_(std::make_shared<const detail::client_state>(settings)) {}

server_context::server_context(const server_settings& settings) : slot_(std::make_shared<detail::server_slot>()) {
  slot_->state = std::make_shared<const detail::server_state>(settings, slot_->own_keys);
}

void server_context::replace(const server_settings& settings) {
  auto made = std::make_shared<const detail::server_state>(settings, slot_->own_keys);
  const std::lock_guard one(slot_->lock);
  slot_->state.swap(made);
}

std::shared_ptr<const detail::server_state> server_context::state() const {
  const std::lock_guard one(slot_->lock);
  return slot_->state;
}

}  // namespace wring::net::tls
