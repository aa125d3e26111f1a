// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <wring/net/ip_address.hpp>
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/detail/certificate_parts.hpp>
#include <wring/net/tls/detail/ocsp.hpp>

namespace wring::net::tls {

namespace {

using detail::checked;
using detail::owned;

constexpr const char* use_certificate = "use the certificate in";
constexpr const char* use_key = "use the key in";
constexpr const char* in_memory = "memory";

owned<BIO> bio_of(std::string_view text) {
  return checked(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// What OpenSSL calls for a passphrase.
struct question {
  const certificate::passphrase& ask;
  bool asked = false;
};

int answer(char* into, int size, int, void* argument) noexcept {
  auto& q = *static_cast<question*>(argument);
  // After a wrong answer it tries another format.
  if (std::exchange(q.asked, true) || !q.ask) return -1;
  try {
    std::string phrase = q.ask();
    const int length = static_cast<int>(phrase.size());
    const bool usable = length != 0 && length <= size;
    if (usable) std::memcpy(into, phrase.data(), phrase.size());
    OPENSSL_cleanse(phrase.data(), phrase.size());
    return usable ? length : -1;
  } catch (...) {
    return -1;
  }
}

owned<EVP_PKEY> read_key(std::string_view pem, std::string_view subject, const certificate::passphrase& ask) {
  const owned<BIO> from = bio_of(pem);
  question q{ask};
  ERR_clear_error();
  owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(from.get(), nullptr, &answer, &q));
  if (key == nullptr) {
    const std::string reason = detail::take_openssl_reason();
    if (q.asked && !ask) {
      detail::raise_unusable(use_key, subject, "it is encrypted, and there is no passphrase for it");
    }
    if (q.asked) detail::raise_unusable(use_key, subject, "the passphrase is wrong, or was not given");
    detail::raise_unusable(use_key, subject,
                           fmt::format("there is no private key in it that can be read ({})", reason));
  }
  ERR_clear_error();
  return key;
}

/// Lower case, of ASCII alone: locales have no say in names.
std::string lowered(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

/// Calls `visit` with every DNS name and address of a certificate.
template <class Visit>
void visit_names(const X509& leaf, Visit visit) {
  const owned<GENERAL_NAMES> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(all.get(), i);
    const bool is_dns = name.type == GEN_DNS;
    if (!is_dns && name.type != GEN_IPADD) continue;
    const ASN1_STRING* const value = is_dns ? name.d.dNSName : name.d.iPAddress;
    visit(is_dns, std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                   static_cast<std::size_t>(ASN1_STRING_length(value))));
  }
}

std::shared_ptr<const detail::certificate_parts> assemble(std::vector<owned<X509>> certificates, owned<EVP_PKEY> key,
                                                          std::string_view chain_subject,
                                                          std::string_view key_subject) {
  auto parts = std::make_shared<detail::certificate_parts>();
  parts->leaf = std::move(certificates.front());
  parts->key = std::move(key);
  std::move(certificates.begin() + 1, certificates.end(), std::back_inserter(parts->chain));
  X509* const leaf = parts->leaf.get();
  if (X509_check_private_key(leaf, parts->key.get()) != 1) {
    ERR_clear_error();
    detail::raise_unusable(use_key, key_subject,
                           fmt::format("it is not the key of the certificate in \"{}\"", chain_subject));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
    detail::raise_unusable(use_certificate, chain_subject, "it has expired");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
    detail::raise_unusable(use_certificate, chain_subject, "it is not valid yet");
  }
  const X509* issued = leaf;
  for (const auto& issuer : parts->chain) {
    if (X509_check_issued(issuer.get(), const_cast<X509*>(issued)) != X509_V_OK) {
      detail::raise_unusable(use_certificate, chain_subject,
                             fmt::format("the certificates in it are not in order: \"{}\" has not issued \"{}\"",
                                         detail::name_text(X509_get_subject_name(issuer.get())),
                                         detail::name_text(X509_get_subject_name(issued))));
    }
    issued = issuer.get();
  }
  visit_names(*leaf, [&](bool is_dns, std::string_view value) {
    if (is_dns) parts->names.push_back(lowered(value));
  });
  parts->slow = EVP_PKEY_get_base_id(parts->key.get()) == EVP_PKEY_RSA && EVP_PKEY_get_bits(parts->key.get()) > 2048;
  return parts;
}

/// Throws std::invalid_argument for a name that cannot be in a certificate.
void require_name(const std::string& name) {
  const bool usual = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == '*' || c == ':';
  });
  if (name.empty() || name.size() > 253 || !usual) {
    throw std::invalid_argument(fmt::format("self_signed: \"{}\" is neither a name nor an address", name));
  }
}

void add_extension(X509* to, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
  const owned<X509_EXTENSION> extension = checked(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (X509_add_ext(to, extension.get(), -1) != 1) throw std::bad_alloc();
}

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

certificate certificate::from_files(const std::string& chain, const std::string& key, const passphrase& ask) {
  const std::string chain_text = detail::read_whole_file(chain);
  std::string key_text = detail::read_whole_file(key);
  auto certificates = detail::read_certificates(chain_text, chain);
  auto read = read_key(key_text, key, ask);
  OPENSSL_cleanse(key_text.data(), key_text.size());
  return certificate(assemble(std::move(certificates), std::move(read), chain, key));
}

certificate certificate::from_pem(std::string_view chain, std::string_view key, const passphrase& ask) {
  auto certificates = detail::read_certificates(chain, in_memory);
  return certificate(assemble(std::move(certificates), read_key(key, in_memory, ask), in_memory, in_memory));
}

certificate certificate::self_signed(const std::vector<std::string>& names, duration valid) {
  if (names.empty()) throw std::invalid_argument("self_signed: there is no name");
  std::string alternatives;
  for (const std::string& name : names) {
    require_name(name);
    const bool is_address = static_cast<bool>(ip_address::parse(name));
    alternatives += fmt::format("{}{}:{}", alternatives.empty() ? "" : ",", is_address ? "IP" : "DNS", name);
  }
  owned<EVP_PKEY> key = checked(EVP_EC_gen("P-256"));
  std::vector<owned<X509>> made;
  made.push_back(checked(X509_new()));
  X509* const leaf = made.front().get();
  unsigned char serial[16];
  require(RAND_bytes(serial, sizeof serial) == 1);
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 0x40U);  // positive, and of this length
  require(ASN1_STRING_set(X509_get_serialNumber(leaf), serial, sizeof serial) == 1);
  require(X509_set_version(leaf, X509_VERSION_3) == 1 && X509_set_pubkey(leaf, key.get()) == 1);
  const long seconds = static_cast<long>(valid.count() / 1'000'000'000);
  require(X509_gmtime_adj(X509_getm_notBefore(leaf), -60) != nullptr);  // the peer's clock may be a little late
  require(X509_gmtime_adj(X509_getm_notAfter(leaf), seconds) != nullptr);
  X509_NAME* const subject = X509_get_subject_name(leaf);
  const auto* const common = reinterpret_cast<const unsigned char*>(names.front().c_str());
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, common,
                                     static_cast<int>(std::min<std::size_t>(names.front().size(), 64)), -1, 0) == 1);
  require(X509_set_issuer_name(leaf, subject) == 1);
  add_extension(leaf, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf, NID_key_usage, "critical,digitalSignature");
  add_extension(leaf, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(leaf, NID_subject_alt_name, alternatives);
  require(X509_sign(leaf, key.get(), EVP_sha256()) > 0);
  return certificate(assemble(std::move(made), std::move(key), in_memory, in_memory));
}

certificate certificate::with_ocsp_file(const std::string& path) const {
  const std::string text = detail::read_whole_file(path);
  certificate same(*this);
  same.ocsp_ = detail::read_ocsp_response(std::as_bytes(std::span(text)), *parts_, path);
  return same;
}

certificate certificate::with_ocsp(std::span<const std::byte> response) const {
  certificate same(*this);
  same.ocsp_ = detail::read_ocsp_response(response, *parts_, in_memory);
  return same;
}

std::optional<std::chrono::sys_seconds> certificate::ocsp_until() const {
  if (ocsp_ == nullptr) return {};
  return ocsp_->until;
}

std::vector<std::string> certificate::names() const {
  std::vector<std::string> all;
  visit_names(*parts_->leaf, [&](bool is_dns, std::string_view value) {
    if (is_dns) {
      all.emplace_back(value);
    } else if (value.size() == 4) {
      ip_address::v4_bytes bytes;
      std::memcpy(bytes.data(), value.data(), bytes.size());
      all.push_back(fmt::format("{}", ip_address(bytes)));
    } else if (value.size() == 16) {
      ip_address::v6_bytes bytes;
      std::memcpy(bytes.data(), value.data(), bytes.size());
      all.push_back(fmt::format("{}", ip_address(bytes)));
    }
  });
  return all;
}

std::string certificate::subject() const { return detail::name_text(X509_get_subject_name(parts_->leaf.get())); }

std::string certificate::pem() const {
  const owned<BIO> out = checked(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(out.get(), parts_->leaf.get()) == 1);
  for (const auto& issuer : parts_->chain) require(PEM_write_bio_X509(out.get(), issuer.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string certificate::key_pem() const {
  const owned<BIO> out = checked(BIO_new(BIO_s_secmem()));
  require(PEM_write_bio_PrivateKey(out.get(), parts_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

key_digest certificate::digest() const {
  unsigned char bytes[32];
  require(detail::digest_key(*parts_->leaf, bytes));
  key_digest digest;
  std::memcpy(digest.data(), bytes, sizeof bytes);
  return digest;
}

namespace detail {

void certificate_parts::give_to(SSL_CTX* context) const {
  ERR_clear_error();
  bool given = SSL_CTX_use_certificate(context, leaf.get()) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  for (const auto& issuer : chain) given = given && SSL_CTX_add1_chain_cert(context, issuer.get()) == 1;
  if (!given)
    raise_unusable("use the certificate of", name_text(X509_get_subject_name(leaf.get())), take_openssl_reason());
}

std::vector<owned<X509>> read_certificates(std::string_view pem, std::string_view subject) {
  const owned<BIO> from = bio_of(pem);
  std::vector<owned<X509>> all;
  ERR_clear_error();
  for (;;) {
    owned<X509> next(PEM_read_bio_X509_AUX(from.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    all.push_back(std::move(next));
  }
  // The last attempt has found no more, which is no error unless what was found cannot be read.
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const std::string reason = take_openssl_reason();
  if (all.empty() && at_end) raise_unusable(use_certificate, subject, "there is no certificate in PEM in it");
  if (!at_end)
    raise_unusable(use_certificate, subject, fmt::format("certificate {} cannot be read ({})", all.size() + 1, reason));
  return all;
}

std::string read_whole_file(const std::string& path) {
  constexpr std::streamsize most = std::streamsize{16} * 1024 * 1024;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char piece[4096];
  while (file && std::ssize(text) < most) {
    file.read(piece, sizeof piece);
    text.append(piece, static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof() || file.bad()) {
    const error e = std::ssize(text) >= most
                        ? error(errc::limit_exceeded, "read").with_count(static_cast<std::uint64_t>(most))
                        : error::from_errno(errno != 0 ? errno : EIO, "read");
    throw io_error(e.with_address(error_address::from_text(path)), e.message_about(fmt::format("\"{}\"", path)));
  }
  return text;
}

}  // namespace detail
}  // namespace wring::net::tls
