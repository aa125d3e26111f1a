// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/tls/tls_stream.hpp>

namespace wring::net {

namespace {

task<> nothing_to_close() { co_return; }

}  // namespace

tls_stream::tls_stream() noexcept = default;
tls_stream::tls_stream(std::unique_ptr<tls::detail::tls_link> established) noexcept : link_(std::move(established)) {}
tls_stream::tls_stream(tls_stream&& other) noexcept = default;
tls_stream& tls_stream::operator=(tls_stream&& other) noexcept {
  std::swap(link_, other.link_);
  return *this;
}
tls_stream::~tls_stream() = default;

tls::detail::tls_link& tls_stream::link() {
  if (link_ == nullptr) [[unlikely]]
    error(errc::closed, "use a TLS stream").raise();
  return *link_;
}

task<> tls_stream::close() { return link_ != nullptr ? link_->close() : nothing_to_close(); }

task<tls_stream::unwrapped> tls_stream::unwrap() {
  unwrapped below;
  below.received = co_await link().end_tls(below.stream);
  co_return std::move(below);
}

void tls_stream::abort() noexcept {
  if (link_ != nullptr) link_->abort();
}

buffer_lease tls_stream::try_read_some() noexcept { return link_ != nullptr ? link_->try_read_some() : buffer_lease(); }

std::size_t tls_stream::received_ahead() const noexcept { return link_ != nullptr ? link_->received_ahead() : 0; }

bool tls_stream::watch(stream_observer* observer) noexcept { return link_ != nullptr && link_->watch(observer); }

std::size_t tls_stream::try_write(std::span<const std::span<const std::byte>> parts) noexcept {
  return link_ != nullptr ? link_->try_write(parts) : 0;
}

const stream_security* tls_stream::security() const noexcept { return link_ != nullptr ? &link_->security() : nullptr; }

std::vector<tls::peer_certificate> tls_stream::peer_chain() const {
  return link_ != nullptr ? link_->engine().peer_chain() : std::vector<tls::peer_certificate>();
}

error_address tls_stream::peer_address() const noexcept {
  return link_ != nullptr ? link_->peer_address() : error_address();
}

}  // namespace wring::net
