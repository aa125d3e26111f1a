// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <span>
#include <stdexcept>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/content/seal_keys.hpp>
#include <wring/protocols/http/detail/base64.hpp>

namespace wring::http {

namespace {

constexpr std::size_t mac_size = 32;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t time_size = 8;

using mac = std::array<unsigned char, mac_size>;

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

mac hmac(std::span<const unsigned char> key, std::string_view text) {
  mac made{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), made.data(), &size) ==
      nullptr) {
    throw std::bad_alloc();
  }
  return made;
}

/// When it ends, in seconds since 1970; all ones: never.
std::string end_of(duration lifetime) {
  std::uint64_t end = UINT64_MAX;
  if (lifetime != forever) {
    const auto now = scheduler::current().engine().wall_now() + std::chrono::nanoseconds(lifetime);
    end = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  }
  std::string text(time_size, '\0');
  for (std::size_t i = 0; i < time_size; ++i) text[i] = static_cast<char>(end >> (56 - 8 * i));
  return text;
}

bool is_over(std::string_view time) noexcept {
  std::uint64_t end = 0;
  for (const char c : time.substr(0, time_size)) end = end << 8 | static_cast<unsigned char>(c);
  const auto now = scheduler::current().engine().wall_now().time_since_epoch();
  return end != UINT64_MAX && end < static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(now).count());
}

/// Base64 for URLs, without padding (RFC 4648, section 5).
std::string encode(std::string_view bytes) {
  std::string text = detail::encode_base64(bytes);
  text.erase(std::min(text.find('='), text.size()));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> decode(std::string_view text) {
  std::string padded(text);
  if (padded.find_first_of("+/=") != std::string::npos) return std::nullopt;
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  std::string bytes(padded.size() / 4 * 3, '\0');
  const std::optional<std::size_t> size = detail::decode_base64(padded, bytes);
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

/// What is signed: neither can a part of the purpose be taken for one of the value, nor the other way round.
std::string signed_text(std::string_view purpose, std::string_view timed) {
  std::string text = std::to_string(purpose.size());
  text.append(":").append(purpose).append(timed);
  return text;
}

class cipher {
 public:
  cipher() : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
    if (context_ == nullptr) throw std::bad_alloc();
  }
  [[nodiscard]] EVP_CIPHER_CTX* get() const noexcept { return context_.get(); }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context_;
};

/// nonce, encrypted, tag.
std::string encrypt(std::span<const unsigned char> key, std::string_view purpose, std::string_view plain) {
  std::string out(nonce_size + plain.size() + tag_size, '\0');
  auto* const nonce = reinterpret_cast<unsigned char*>(out.data());
  scheduler::current().engine().random(std::as_writable_bytes(std::span(nonce, nonce_size)));
  const cipher c;
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce) == 1 &&
      EVP_EncryptUpdate(c.get(), nullptr, &size, bytes_of(purpose), static_cast<int>(purpose.size())) == 1 &&
      EVP_EncryptUpdate(c.get(), nonce + nonce_size, &size, bytes_of(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(c.get(), nonce + nonce_size + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, tag_size, nonce + nonce_size + plain.size()) == 1;
  if (!done) throw std::bad_alloc();
  return out;
}

std::optional<std::string> decrypt(std::span<const unsigned char> key, std::string_view purpose,
                                   std::string_view sealed) {
  if (sealed.size() < nonce_size + tag_size) return std::nullopt;
  std::string plain(sealed.size() - nonce_size - tag_size, '\0');
  const std::string_view body = sealed.substr(nonce_size, plain.size());
  std::string tag(sealed.substr(sealed.size() - tag_size));
  auto* const out = reinterpret_cast<unsigned char*>(plain.data());
  const cipher c;
  int size = 0;
  const bool done =
      EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.data(), bytes_of(sealed)) == 1 &&
      EVP_DecryptUpdate(c.get(), nullptr, &size, bytes_of(purpose), static_cast<int>(purpose.size())) == 1 &&
      EVP_DecryptUpdate(c.get(), out, &size, bytes_of(body), static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(c.get(), out + size, &size) == 1;
  if (!done) return std::nullopt;
  return plain;
}

/// Much more than any cookie or URL holds, and what the library's integers can take.
constexpr std::size_t most = std::size_t{1} << 20;

void check_size(std::string_view purpose, std::string_view value) {
  if (value.size() > most || purpose.size() > most) throw std::length_error("seal_keys: more than 1 MiB");
}

}  // namespace

seal_keys::seal_keys(std::initializer_list<std::string_view> secrets) {
  for (const std::string_view s : secrets) add(s);
  if (pairs_.empty()) throw std::invalid_argument("seal_keys: there is no secret");
}

seal_keys::seal_keys(const std::vector<std::string>& secrets) {
  for (const std::string& s : secrets) add(s);
  if (pairs_.empty()) throw std::invalid_argument("seal_keys: there is no secret");
}

seal_keys::~seal_keys() { OPENSSL_cleanse(pairs_.data(), pairs_.size() * sizeof(pair)); }

// A key for each use, none of which tells the other or the secret.
void seal_keys::add(std::string_view secret) {
  if (secret.size() < least_secret) {
    throw std::invalid_argument("seal_keys: a secret has " + std::to_string(secret.size()) +
                                " bytes, and needs 32 random ones at least");
  }
  const std::span<const unsigned char> from(bytes_of(secret), secret.size());
  pairs_.push_back({hmac(from, "wring: to sign"), hmac(from, "wring: to seal")});
}

std::string seal_keys::sign(std::string_view purpose, std::string_view value, duration lifetime) const {
  check_size(purpose, value);
  std::string timed = end_of(lifetime);
  timed += value;
  const mac made = hmac(pairs_.front().signing, signed_text(purpose, timed));
  return encode(timed) + "." + encode({reinterpret_cast<const char*>(made.data()), made.size()});
}

std::optional<std::string> seal_keys::verify(std::string_view purpose, std::string_view text) const {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() > 2 * most) return std::nullopt;
  const std::optional<std::string> timed = decode(text.substr(0, dot));
  const std::optional<std::string> given = decode(text.substr(dot + 1));
  if (!timed || !given || timed->size() < time_size || given->size() != mac_size) return std::nullopt;
  const std::string whole = signed_text(purpose, *timed);
  for (const pair& p : pairs_) {
    if (CRYPTO_memcmp(hmac(p.signing, whole).data(), given->data(), mac_size) != 0) continue;
    if (is_over(*timed)) return std::nullopt;
    return timed->substr(time_size);
  }
  return std::nullopt;
}

std::string seal_keys::seal(std::string_view purpose, std::string_view value, duration lifetime) const {
  check_size(purpose, value);
  std::string timed = end_of(lifetime);
  timed += value;
  return encode(encrypt(pairs_.front().sealing, purpose, timed));
}

std::optional<std::string> seal_keys::open(std::string_view purpose, std::string_view text) const {
  if (text.size() > 2 * most) return std::nullopt;
  const std::optional<std::string> sealed = decode(text);
  if (!sealed) return std::nullopt;
  for (const pair& p : pairs_) {
    const std::optional<std::string> timed = decrypt(p.sealing, purpose, *sealed);
    if (!timed) continue;
    if (timed->size() < time_size || is_over(*timed)) return std::nullopt;
    return timed->substr(time_size);
  }
  return std::nullopt;
}

}  // namespace wring::http
