// SPDX-License-Identifier: MIT
#include <atomic>
#include <mutex>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdexcept>

#include <wring/net/tls/detail/certificate_parts.hpp>
#include <wring/net/tls/detail/root_parts.hpp>
#include <wring/net/tls/trusted_roots.hpp>

namespace wring::net::tls {

trusted_roots::trusted_roots() : parts_(std::make_shared<detail::root_parts>()) {}

trusted_roots trusted_roots::system() {
  trusted_roots roots;
  roots.parts_->system = true;
  return roots;
}

trusted_roots trusted_roots::from_file(const std::string& path) {
  trusted_roots roots;
  roots.add_file(path);
  return roots;
}

trusted_roots trusted_roots::from_pem(std::string_view text) {
  trusted_roots roots;
  roots.add_pem(text);
  return roots;
}

// Others may refer to what it refers to.
detail::root_parts& trusted_roots::own() {
  if (parts_.use_count() != 1) parts_ = std::make_shared<detail::root_parts>(*parts_);
  return *parts_;
}

trusted_roots& trusted_roots::add_file(const std::string& path) {
  auto more = detail::read_certificates(detail::read_whole_file(path), path);
  auto& all = own().certificates;
  std::move(more.begin(), more.end(), std::back_inserter(all));
  return *this;
}

trusted_roots& trusted_roots::add_pem(std::string_view text) {
  auto more = detail::read_certificates(text, "memory");
  auto& all = own().certificates;
  std::move(more.begin(), more.end(), std::back_inserter(all));
  return *this;
}

trusted_roots& trusted_roots::add_revocations(const std::string& path) {
  if (parts_->system) throw std::invalid_argument("trusted_roots: the system's roots cannot have lists of revocations");
  const std::string text = detail::read_whole_file(path);
  const auto from = detail::checked(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::vector<detail::owned<X509_CRL>> read;
  for (;;) {
    detail::owned<X509_CRL> next(PEM_read_bio_X509_CRL(from.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    read.push_back(std::move(next));
  }
  ERR_clear_error();
  if (read.empty()) {
    detail::raise_unusable("use the revocations in", path, "there is no list of revoked certificates in PEM in it");
  }
  auto& all = own().revocations;
  std::move(read.begin(), read.end(), std::back_inserter(all));
  return *this;
}

namespace detail {

namespace {

constinit std::atomic<X509_STORE*> loaded_store = nullptr;

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

root_parts::root_parts(const root_parts& other) : system(other.system) {
  for (const auto& each : other.certificates) {
    X509_up_ref(each.get());
    certificates.emplace_back(each.get());
  }
  for (const auto& each : other.revocations) {
    X509_CRL_up_ref(each.get());
    revocations.emplace_back(each.get());
  }
}

owned<X509_STORE> root_parts::make_store() const {
  if (system && certificates.empty()) return nullptr;
  auto store = checked(X509_STORE_new());
  if (system) require(X509_STORE_set_default_paths(store.get()) == 1);
  for (const auto& each : certificates) require(X509_STORE_add_cert(store.get(), each.get()) == 1);
  for (const auto& each : revocations) require(X509_STORE_add_crl(store.get(), each.get()) == 1);
  if (!revocations.empty()) X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  // A certificate that is named as trusted is, also one that is not a root: a pinned server, an intermediate CA.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return store;
}

bool system_store_loaded() noexcept { return loaded_store.load(std::memory_order_acquire) != nullptr; }

X509_STORE* system_store() {
  static std::mutex loading;
  const std::lock_guard one(loading);
  if (X509_STORE* const already = loaded_store.load(std::memory_order_acquire)) return already;
  auto store = checked(X509_STORE_new());
  X509_STORE_set_default_paths(store.get());
  ERR_clear_error();
  loaded_store.store(store.get(), std::memory_order_release);
  return store.release();
}

}  // namespace detail
}  // namespace wring::net::tls
