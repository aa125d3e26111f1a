// SPDX-License-Identifier: MIT
#include <cstring>
#include <memory>
#include <openssl/crypto.h>
#include <string>
#include <vector>

#include <wring/net/tls/detail/certificate_parts.hpp>
#include <wring/net/tls/detail/ticket_ring.hpp>
#include <wring/net/tls/ticket_keys.hpp>

namespace wring::net::tls {

namespace {

std::vector<detail::ticket_key> read_keys(const std::string& path) {
  std::string text = detail::read_whole_file(path);
  const std::size_t count = text.size() / sizeof(detail::ticket_key);
  std::vector<detail::ticket_key> keys;
  if (text.size() == count * sizeof(detail::ticket_key) && count != 0 && count <= detail::ticket_ring::most_keys) {
    keys.resize(count);
    std::memcpy(keys.data(), text.data(), text.size());
  }
  OPENSSL_cleanse(text.data(), text.size());
  if (keys.empty()) {
    detail::raise_unusable("use the ticket keys in", path, "it does not hold one to four keys of 80 bytes each");
  }
  return keys;
}

}  // namespace

ticket_keys ticket_keys::generate() { return ticket_keys(std::make_shared<detail::ticket_ring>()); }

ticket_keys ticket_keys::from_file(const std::string& path) {
  return ticket_keys(std::make_shared<detail::ticket_ring>(read_keys(path)));
}

void ticket_keys::rotate() { ring_->rotate(); }

void ticket_keys::load(const std::string& path) { ring_->replace(read_keys(path)); }

}  // namespace wring::net::tls
