// SPDX-License-Identifier: MIT
#include <wring/core/log.hpp>
#include <wring/net/callback/detail/stream_transport.hpp>
#include <wring/net/callback/factory.hpp>

namespace wring::net {

factory::~factory() = default;

void factory::do_start() {
  if (users_ == 0) start_factory();
  ++users_;
}

void factory::do_stop() noexcept {
  if (--users_ != 0) return;
  try {
    stop_factory();
  } catch (...) {
    log::error("stop_factory failed", {"error", failure::current().message()});
  }
}

// What build_protocol throws is logged by serve, with the peer.
task<> protocol_handler::operator()(stream_ref peer) const {
  const protocol_options options{
      .transport = factory_->transport, .peer = detail::peer_address_of(peer), .host = socket_address()};
  std::shared_ptr<protocol> p = factory_->build_protocol(options.peer);
  if (p == nullptr) co_return;
  co_await run_protocol(peer, std::move(p), options);
}

}  // namespace wring::net
