// SPDX-License-Identifier: MIT
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <fmt/format.h>

#include <wring/core/detail/escape.hpp>
#include <wring/net/tls/detail/openssl.hpp>

namespace wring::net::tls::detail {

std::string take_openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "OpenSSL gives no reason";
  if (const char* const text = ERR_reason_error_string(code)) return text;
  return fmt::format("OpenSSL's error {:#x}", code);
}

void raise_unusable(const char* operation, std::string_view subject, std::string_view reason) {
  const error e = error(errc::tls_unusable, operation).with_address(error_address::from_text(subject));
  std::string about = "\"";
  wring::detail::append_escaped(about, subject.substr(0, 300), "\"\\");
  about += '"';
  throw io_error(e, fmt::format("{}: {}", e.message_about(subject.empty() ? "" : about), reason));
}

std::string name_text(const X509_NAME* name) {
  const owned<BIO> out = checked(BIO_new(BIO_s_mem()));
  if (X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) throw std::bad_alloc();
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::vector<std::byte> encoded(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(der, [](unsigned char* p) { OPENSSL_free(p); });
  const auto* const bytes = reinterpret_cast<const std::byte*>(der);
  return {bytes, bytes + size};
}

bool digest_key(const X509& certificate, unsigned char (&into)[32]) noexcept {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  if (size < 0) return false;
  const bool made = EVP_Digest(der, static_cast<std::size_t>(size), into, nullptr, EVP_sha256(), nullptr) == 1;
  OPENSSL_free(der);
  return made;
}

const char* verification_text(long code, int depth) noexcept {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return depth == 0 ? "it has expired" : "a CA's certificate in its chain has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return depth == 0 ? "it is not valid yet" : "a CA's certificate in its chain is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "it is self-signed, and not among the trusted ones";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "the CA at the end of its chain is not trusted";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return depth == 0 ? "its issuer is unknown: the CA is not trusted, or the peer has not sent an intermediate "
                          "certificate"
                        : "the CA at the end of its chain is not trusted";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "it is for another host";
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is for another address";
    case X509_V_ERR_INVALID_PURPOSE:
      return depth == 0 ? "it is for another purpose" : "a certificate in its chain is for another purpose";
    case X509_V_ERR_INVALID_CA:
      return "a certificate in its chain is not that of a CA";
    case X509_V_ERR_CERT_REVOKED:
      return depth == 0 ? "it has been revoked" : "a CA's certificate in its chain has been revoked";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return "there is no list of revoked certificates of its issuer";
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return "the list of revoked certificates is out of date";
    case X509_V_ERR_EE_KEY_TOO_SMALL:
      return "its key is too weak";
    case X509_V_ERR_CA_KEY_TOO_SMALL:
      return "the key of a CA in its chain is too weak";
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "it, or a CA's certificate in its chain, is signed with a digest that is too weak";
    case X509_V_ERR_APPLICATION_VERIFICATION:
      return "neither its key nor one of its chain's is pinned";
    default:
      return X509_verify_cert_error_string(code);
  }
}

}  // namespace wring::net::tls::detail
