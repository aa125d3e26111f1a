// SPDX-License-Identifier: MIT
#include <cstring>
#include <limits>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string>

#include <fmt/format.h>

#include <wring/net/tls/detail/callback_target.hpp>
#include <wring/net/tls/detail/certificate_parts.hpp>
#include <wring/net/tls/detail/ocsp.hpp>
#include <wring/net/tls/detail/root_parts.hpp>

namespace wring::net::tls::detail {

namespace {

struct ocsp_free {
  void operator()(OCSP_RESPONSE* p) const noexcept { OCSP_RESPONSE_free(p); }
  void operator()(OCSP_BASICRESP* p) const noexcept { OCSP_BASICRESP_free(p); }
  void operator()(OCSP_CERTID* p) const noexcept { OCSP_CERTID_free(p); }
  void operator()(STACK_OF(X509) * p) const noexcept { sk_X509_free(p); }
};
template <class T>
using ocsp_owned = std::unique_ptr<T, ocsp_free>;

/// How far clocks may differ.
constexpr long leeway = 300;  // in seconds

constexpr const char* unreadable = "the OCSP response for it cannot be read";
constexpr const char* about_another = "the OCSP response is about another certificate";
constexpr const char* badly_signed = "the OCSP response for it is not signed by its CA";
constexpr const char* no_memory = "there is no memory to look at the OCSP response for it";

/// Whether `entry` is about `leaf`: by the number alone if the issuer is not known.
bool is_about(OCSP_SINGLERESP* entry, const X509& leaf, const X509* issuer) noexcept {
  // OpenSSL takes as not const what it only reads.
  auto* const id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(entry));
  ASN1_OBJECT* digest = nullptr;
  ASN1_INTEGER* serial = nullptr;
  OCSP_id_get0_info(nullptr, &digest, nullptr, &serial, id);
  if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(&leaf)) != 0) return false;
  if (issuer == nullptr) return true;
  const EVP_MD* const how = EVP_get_digestbyobj(digest);
  const ocsp_owned<OCSP_CERTID> wanted(how != nullptr ? OCSP_cert_to_id(how, &leaf, issuer) : nullptr);
  return wanted != nullptr && OCSP_id_cmp(wanted.get(), id) == 0;
}

/// What is found in a response for a certificate.
struct finding {
  const char* problem = nullptr;  ///< null: it is good
  const ASN1_GENERALIZEDTIME* next_update = nullptr;
};

/// Looks for `leaf`. The signature is checked with `store`, if there is one; `chain` may have signed it too. What is
/// found refers to `into`, which is set.
finding look_at(std::span<const unsigned char> der, const X509& leaf, const X509* issuer, STACK_OF(X509) * chain,
                X509_STORE* store, ocsp_owned<OCSP_BASICRESP>& into) noexcept {
  const unsigned char* at = der.data();
  if (der.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return {.problem = unreadable};
  const ocsp_owned<OCSP_RESPONSE> all(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (all == nullptr || at != der.data() + der.size()) return {.problem = unreadable};
  if (OCSP_response_status(all.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return {.problem = "the OCSP response for it is that its CA has none"};
  }
  into.reset(OCSP_response_get1_basic(all.get()));
  if (into == nullptr) return {.problem = unreadable};
  OCSP_SINGLERESP* entry = nullptr;
  for (int i = 0; i < OCSP_resp_count(into.get()); ++i) {
    OCSP_SINGLERESP* const each = OCSP_resp_get0(into.get(), i);
    if (is_about(each, leaf, issuer)) entry = each;
  }
  if (entry == nullptr) return {.problem = about_another};
  if (store != nullptr && OCSP_basic_verify(into.get(), chain, store, 0) != 1) return {.problem = badly_signed};
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  const int status = OCSP_single_get0_status(entry, nullptr, nullptr, &this_update, &next_update);
  if (status == V_OCSP_CERTSTATUS_REVOKED) return {.problem = "it has been revoked"};
  if (status != V_OCSP_CERTSTATUS_GOOD) return {.problem = "its CA does not know it, says the OCSP response"};
  // Without a time of the next one it would be good for ever.
  if (next_update == nullptr || OCSP_check_validity(this_update, next_update, leeway, -1) != 1) {
    return {.problem = "the OCSP response for it is out of date"};
  }
  return {.next_update = next_update};
}

/// What OpenSSL calls for a client that asks. `argument` is the ocsp_response.
int present(SSL* ssl, void* argument) noexcept {
  const auto& response = *static_cast<const ocsp_response*>(argument);
  // One that is out of date is worse than none: a client may go without.
  using time = std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)>;
  const time until(ASN1_TIME_set(nullptr, response.until.time_since_epoch().count()), &ASN1_TIME_free);
  if (until == nullptr || X509_cmp_current_time(until.get()) < 0) return SSL_TLSEXT_ERR_NOACK;
  void* const copy = OPENSSL_memdup(response.encoded.data(), response.encoded.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response.encoded.size()));
  return SSL_TLSEXT_ERR_OK;
}

const char* judge(SSL* ssl, bool by_system_roots) noexcept {
  const unsigned char* der = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
  if (der == nullptr || size <= 0) return "the server has sent no OCSP response for it, and one is required";
  STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
  const int length = sk_X509_num(chain);
  if (length <= 0) return no_memory;
  X509* const leaf = sk_X509_value(chain, 0);
  X509* const issuer = sk_X509_value(chain, length > 1 ? 1 : 0);
  X509_STORE* const store = by_system_roots ? system_store() : SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  ocsp_owned<OCSP_BASICRESP> read;
  return look_at({der, static_cast<std::size_t>(size)}, *leaf, issuer, chain, store, read).problem;
}

/// What OpenSSL calls for a response of the server's, or that there is none. `argument` is not null if the system's
/// roots count.
int check(SSL* ssl, void* argument) noexcept {
  if (SSL_session_reused(ssl) == 1) return 1;  // it was looked at when the session began
  const char* const problem = judge(ssl, argument != nullptr);
  ERR_clear_error();
  if (problem == nullptr) return 1;
  static_cast<callback_target*>(SSL_get_app_data(ssl))->status_refused(problem);
  return 0;
}

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

std::chrono::sys_seconds point_of(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  require(ASN1_TIME_to_tm(time, &parts) == 1);
  using namespace std::chrono;
  const year_month_day date(year(parts.tm_year + 1900), month(static_cast<unsigned>(parts.tm_mon + 1)),
                            day(static_cast<unsigned>(parts.tm_mday)));
  return sys_days(date) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

}  // namespace

void ocsp_response::give_to(SSL_CTX* context) const {
  SSL_CTX_set_tlsext_status_cb(context, &present);
  SSL_CTX_set_tlsext_status_arg(context, const_cast<ocsp_response*>(this));
}

std::shared_ptr<const ocsp_response> read_ocsp_response(std::span<const std::byte> der, const certificate_parts& own,
                                                        std::string_view subject) {
  auto read = std::make_shared<ocsp_response>();
  const auto* const bytes = reinterpret_cast<const unsigned char*>(der.data());
  read->encoded.assign(bytes, bytes + der.size());
  // Whom clients trust is their affair: here it must be signed by the CA that has signed the certificate.
  const X509* const issuer = own.chain.empty() ? nullptr : own.chain.front().get();
  owned<X509_STORE> store;
  const ocsp_owned<STACK_OF(X509)> chain(sk_X509_new_null());
  require(chain != nullptr);
  for (const auto& each : own.chain) {
    if (store == nullptr) store = checked(X509_STORE_new());
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    require(X509_STORE_add_cert(store.get(), each.get()) == 1 && sk_X509_push(chain.get(), each.get()) > 0);
  }
  ocsp_owned<OCSP_BASICRESP> basic;
  const finding found = look_at(read->encoded, *own.leaf, issuer, chain.get(), store.get(), basic);
  ERR_clear_error();
  if (found.problem != nullptr) {
    raise_unusable("use the OCSP response in", subject,
                   fmt::format("of the certificate of \"{}\": {}", name_text(X509_get_subject_name(own.leaf.get())),
                               found.problem));
  }
  read->until = point_of(found.next_update);
  return read;
}

void require_ocsp_response(SSL_CTX* context, bool by_system_roots) {
  require(SSL_CTX_set_tlsext_status_type(context, TLSEXT_STATUSTYPE_ocsp) == 1);
  SSL_CTX_set_tlsext_status_cb(context, &check);
  SSL_CTX_set_tlsext_status_arg(context, by_system_roots ? context : nullptr);
}

}  // namespace wring::net::tls::detail
