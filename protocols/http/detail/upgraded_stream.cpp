// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/protocols/http/detail/upgraded_stream.hpp>

namespace wring::http::detail {

upgraded_stream::upgraded_stream(connection& c, const error_address& peer) noexcept
    : connection_(&c), stream_(c.stream), ahead_(c.in, c.stream), peer_(peer) {
  c.upgraded = this;
}

void upgraded_stream::leave() noexcept {
  if (connection_ == nullptr) return;
  if (after_ != nullptr) std::exchange(after_, nullptr)->leave();
  connection_->follow(nullptr);
  connection_->upgraded = nullptr;
  connection_ = nullptr;
  net::any_stream closed;
  stream_ = net::stream_ref(closed);
}

buffer_lease upgraded_stream::try_read_some() noexcept {
  if (connection_ != nullptr && !connection_->in.empty()) return connection_->in.take_all();
  return stream_.try_read_some();
}

std::size_t upgraded_stream::received_ahead() const noexcept {
  const std::size_t ahead = connection_ != nullptr ? connection_->in.bytes().size() : 0;
  return ahead + stream_.received_ahead();
}

bool upgraded_stream::watch(net::stream_observer* observer) noexcept {
  return connection_ != nullptr && connection_->follow(observer);
}

}  // namespace wring::http::detail
