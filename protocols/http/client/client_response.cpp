// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/protocols/http/client/client_response.hpp>

namespace wring::http {

namespace {

void check_limit(const detail::h1_call& call, std::size_t size, std::size_t limit) {
  if (size <= limit) return;
  error(errc::limit_exceeded, "read the whole body of an answer from")
      .with_address(call.peer())
      .with_count(limit)
      .with_detail("pass a larger limit, or read it piece by piece")
      .raise();
}

template <class Container>
task<Container> read_all(detail::h1_call& from, std::size_t limit) {
  Container all;
  if (const auto length = from.announced(); length && from.form() == detail::body_form::length) {
    if (*length > limit) check_limit(from, limit + 1, limit);
    all.reserve(static_cast<std::size_t>(*length));
  }
  for (;;) {
    buffer_lease piece = from.try_read_body();
    if (piece.empty() && from.body_read()) co_return all;
    if (piece.empty()) piece = co_await from.read_body();
    if (piece.empty()) co_return all;
    check_limit(from, all.size() + piece.size(), limit);
    const auto* const first = reinterpret_cast<const typename Container::value_type*>(piece.data());
    all.insert(all.end(), first, first + piece.size());
  }
}

}  // namespace

task<std::string> client_body::text(std::size_t limit) { return read_all<std::string>(*call_, limit); }
task<std::vector<std::byte>> client_body::bytes(std::size_t limit) {
  return read_all<std::vector<std::byte>>(*call_, limit);
}

task<> client_exchange::write_all(std::span<const std::byte> data) {
  const result<> sent = co_await call_->send_body(data);
  sent.value();
}

task<> client_exchange::shut_down_write() {
  const result<> sent = co_await call_->end_body(request_->trailers());
  sent.value();
}

task<> client_exchange::wait_for_response() {
  if (call_->has_head()) co_return;
  const auto deadline = call_->body_ended() ? call_->head_deadline() : steady_clock::time_point::max();
  const result<> got = co_await call_->read_head(deadline);
  got.value();
  if (request_->decodes() && !request_->header("accept-encoding")) call_->decode();
}

client_response& client_exchange::response() {
  if (!call_->has_head()) throw std::logic_error("the head of the answer has not come: await wait_for_response");
  return response_;
}

}  // namespace wring::http
