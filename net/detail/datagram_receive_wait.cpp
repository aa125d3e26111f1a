// SPDX-License-Identifier: MIT
#include <wring/net/detail/datagram_receive_wait.hpp>

namespace wring::net::detail {

void next_datagram_wait::cancel() noexcept {
  socket_->cancel_wait(*this);
  confirm_cancel();
}

result<void> next_datagram_wait::fault() const noexcept {
  if (errno_ == 0) return {};
  const error e = error::from_errno(errno_, "receive from").with_address(socket_->named());
  if (e == std::errc::connection_refused) return e.with_detail("nothing receives there: the peer's host says so");
  return e;
}

error next_datagram_wait::closed_error() const noexcept {
  return error(errc::closed, "receive from").with_address(socket_->named());
}

wait_description next_datagram_wait::describe() const noexcept {
  return {.operation = "receive from", .fd = socket_->native(), .address = socket_->named()};
}

wring::result<datagram> datagram_receive_wait::take_result() noexcept {
  if (received()) return received_datagram();
  if (const auto outcome = fault(); !outcome) return outcome.error();
  return closed_error();
}

wring::result<std::optional<datagram>> datagram_sequence_wait::take_result() noexcept {
  if (received()) return std::optional<datagram>(received_datagram());
  if (const auto outcome = fault(); !outcome) return outcome.error();
  return std::optional<datagram>();
}

std::optional<datagram> datagram_try_receive::from(datagram_socket& s) noexcept {
  datagram_try_receive now;
  if (s.queued() == 0 || !s.try_receive(now) || !now.received_) return std::nullopt;
  return std::move(now.datagram_);
}

}  // namespace wring::net::detail
