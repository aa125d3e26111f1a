// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <memory>
#include <openssl/evp.h>
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/secret.hpp>
#include <wring/protocols/http/web/digest.hpp>

namespace wring::web {

namespace {

using http::detail::equals_ignoring_case;
using http::detail::is_blank;

std::string hash_of(digest_algorithm a, std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> made{};
  unsigned size = 0;
  bool good = context != nullptr &&
              EVP_DigestInit_ex(context.get(), a == digest_algorithm::md5 ? EVP_md5() : EVP_sha256(), nullptr) == 1;
  bool first = true;
  for (const std::string_view part : parts) {
    if (!std::exchange(first, false)) good = good && EVP_DigestUpdate(context.get(), ":", 1) == 1;
    good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  if (!good || EVP_DigestFinal_ex(context.get(), made.data(), &size) != 1) {
    throw std::runtime_error("digest authentication: " + std::string(name_of(a)) + " is not available");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += digits[made[i] >> 4];
    text += digits[made[i] & 15];
  }
  return text;
}

void skip_blanks(std::string_view& text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

std::string_view take_token(std::string_view& text) noexcept {
  std::size_t end = 0;
  while (end < text.size() && http::detail::is_token(text.substr(end, 1))) ++end;
  const std::string_view token = text.substr(0, end);
  text.remove_prefix(end);
  return token;
}

/// A token or a quoted text.
std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view token = take_token(text);
    if (token.empty()) return std::nullopt;
    return std::string(token);
  }
  text.remove_prefix(1);
  std::string value;
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\') text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    value += text.front();
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

std::string* member_of(digest_parameters& p, std::string_view name) noexcept {
  const std::array<std::pair<std::string_view, std::string*>, 12> all = {{{"realm", &p.realm},
                                                                          {"nonce", &p.nonce},
                                                                          {"opaque", &p.opaque},
                                                                          {"qop", &p.qop},
                                                                          {"algorithm", &p.algorithm},
                                                                          {"stale", &p.stale},
                                                                          {"username", &p.username},
                                                                          {"uri", &p.uri},
                                                                          {"response", &p.response},
                                                                          {"cnonce", &p.cnonce},
                                                                          {"nc", &p.nc},
                                                                          {"userhash", &p.userhash}}};
  for (const auto& [each, member] : all) {
    if (equals_ignoring_case(each, name)) return member;
  }
  return nullptr;
}

/// In quotation marks.
std::string quoted(std::string_view text) {
  std::string all = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') all += '\\';
    all += c;
  }
  return all += '"';
}

}  // namespace

std::string_view name_of(digest_algorithm a) noexcept { return a == digest_algorithm::md5 ? "MD5" : "SHA-256"; }

std::optional<digest_parameters> digest_parameters::parse(std::string_view text) {
  digest_parameters p;
  unsigned seen = 0;
  for (;;) {
    while (!text.empty() && (is_blank(text.front()) || text.front() == ',')) text.remove_prefix(1);
    if (text.empty()) return p;
    const std::string_view name = take_token(text);
    if (name.empty()) return std::nullopt;
    const bool apart = !text.empty() && is_blank(text.front());
    skip_blanks(text);
    // The name of another scheme: what follows is not of this challenge.
    if (!text.starts_with('=')) return apart && seen != 0 ? std::optional(std::move(p)) : std::nullopt;
    text.remove_prefix(1);
    skip_blanks(text);
    std::optional<std::string> value = take_value(text);
    skip_blanks(text);
    if (!value || (!text.empty() && text.front() != ',')) return std::nullopt;
    ++seen;
    if (std::string* const member = member_of(p, name); member != nullptr) {
      if (!member->empty()) return std::nullopt;
      *member = std::move(*value);
    }
  }
}

std::optional<digest_algorithm> digest_parameters::hash() const noexcept {
  if (algorithm.empty()) return digest_algorithm::md5;
  for (const digest_algorithm a : {digest_algorithm::md5, digest_algorithm::sha256}) {
    if (equals_ignoring_case(algorithm, name_of(a))) return a;
  }
  return std::nullopt;
}

std::string digest_response(digest_algorithm a, const digest_parameters& p, std::string_view password,
                            std::string_view method) {
  const std::string who = hash_of(a, {p.username, p.realm, password});
  const std::string what = hash_of(a, {method, p.uri});
  return hash_of(a, {who, p.nonce, p.nc, p.cnonce, "auth", what});
}

std::optional<std::string> answer_digest_challenge(std::string_view challenge, std::string_view name,
                                                   std::string_view password, std::string_view method,
                                                   std::string_view target, std::string_view cnonce) {
  std::optional<digest_parameters> p = digest_parameters::parse(http::detail::credentials_of(challenge, "digest"));
  if (!p || p->nonce.empty()) return std::nullopt;
  const std::optional<digest_algorithm> a = p->hash();
  bool has_auth = false;
  http::detail::for_each_element(p->qop,
                                 [&](std::string_view each) { has_auth |= equals_ignoring_case(each, "auth"); });
  if (!a || !has_auth) return std::nullopt;
  p->username = name;
  p->uri = target;
  p->cnonce = cnonce;
  p->nc = "00000001";
  std::string text = "Digest username=" + quoted(name) + ", realm=" + quoted(p->realm) + ", nonce=" + quoted(p->nonce) +
                     ", uri=" + quoted(target) + ", algorithm=" + std::string(name_of(*a)) + ", qop=auth, nc=" + p->nc +
                     ", cnonce=" + quoted(cnonce) + ", response=" + quoted(digest_response(*a, *p, password, method));
  if (!p->opaque.empty()) text += ", opaque=" + quoted(p->opaque);
  return text;
}

}  // namespace wring::web
