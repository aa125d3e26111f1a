// SPDX-License-Identifier: MIT
#include <span>

#include <wring/protocols/http/body_reader.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http {

namespace {

void check_limit(std::size_t size, std::size_t limit) {
  if (size > limit)
    throw status_error(413, {}, "the body is longer than the handler's limit of " + std::to_string(limit));
}

template <class Container>
task<Container> read_all(body_reader& from, std::size_t limit) {
  Container all;
  if (const auto length = from.length()) {
    if (*length > limit) check_limit(limit + 1, limit);
    all.reserve(static_cast<std::size_t>(*length));
  }
  for (;;) {
    const buffer_lease piece = co_await from.read_some();
    if (piece.empty()) co_return all;
    check_limit(all.size() + piece.size(), limit);
    const auto* const first = reinterpret_cast<const typename Container::value_type*>(piece.data());
    all.insert(all.end(), first, first + piece.size());
  }
}

}  // namespace

std::optional<std::uint64_t> body_reader::length() const noexcept {
  if (exchange_->in.chunked) return std::nullopt;
  return exchange_->in.length;
}

task<std::string> body_reader::text(std::size_t limit) { return read_all<std::string>(*this, limit); }
task<std::vector<std::byte>> body_reader::bytes(std::size_t limit) {
  return read_all<std::vector<std::byte>>(*this, limit);
}

}  // namespace wring::http
