// SPDX-License-Identifier: MIT
#include <algorithm>
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/detail/challenge.hpp>
#include <wring/protocols/http/detail/secret.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>
#include <wring/protocols/http/web/digest_auth.hpp>

namespace wring::web {

namespace {

constexpr std::string_view purpose = "digest nonce";

/// Beyond it, credentials are none: nothing that a client sends makes this
/// compute or keep more.
constexpr std::size_t most_credentials = 4096;

bool is_count(std::string_view text) noexcept {
  return text.size() == 8 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

digest_auth::digest_auth(std::string_view realm, const http::seal_keys& keys, passwords of,
                         std::vector<digest_algorithm> algorithms)
    : realm_(realm),
      challenge_(http::detail::challenge("Digest", realm)),
      keys_(&keys),
      passwords_(std::move(of)),
      algorithms_(std::move(algorithms)) {
  if (!passwords_) throw std::invalid_argument("digest_auth: there is no function that knows passwords");
  if (algorithms_.empty()) throw std::invalid_argument("digest_auth: there is no algorithm");
}

digest_auth::outcome digest_auth::check(const http::request& rq, std::string& user) const {
  const std::string_view given = http::detail::credentials_of(rq.header("authorization").value_or(""), "digest");
  if (given.empty() || given.size() > most_credentials) return outcome::wrong;
  const std::optional<digest_parameters> p = digest_parameters::parse(given);
  if (!p || p->realm != realm_ || p->qop != "auth" || !is_count(p->nc) || p->cnonce.empty()) return outcome::wrong;
  if (p->uri != rq.target() || p->userhash == "true") return outcome::wrong;
  const std::optional<digest_algorithm> a = p->hash();
  if (!a || std::ranges::find(algorithms_, *a) == algorithms_.end()) return outcome::wrong;
  // Computed for a user that there is not, too: how long it takes does not
  // tell.
  const std::optional<std::string> password = passwords_(p->username);
  const std::string right = digest_response(*a, *p, password.value_or(""), rq.method_text());
  if (!http::detail::is_secret(p->response, right) || !password) return outcome::wrong;
  if (keys_->open(purpose, p->nonce) != realm_) return outcome::stale;
  user = p->username;
  return outcome::right;
}

http::verdict digest_auth::operator()(http::request& rq, http::response& rs) const {
  std::string name;
  const outcome found = check(rq, name);
  if (found == outcome::right) {
    rq.emplace<http::user>(std::move(name));
    return http::pass;
  }
  rs.fail(401);
  const std::string nonce = keys_->seal(purpose, realm_, nonce_lifetime);
  for (const digest_algorithm a : algorithms_) {
    std::string text =
        challenge_ + ", qop=\"auth\", algorithm=" + std::string(name_of(a)) + ", nonce=\"" + nonce + "\"";
    if (found == outcome::stale) text += ", stale=true";
    rs.append("WWW-Authenticate", text);
  }
  return http::answered;
}

}  // namespace wring::web
