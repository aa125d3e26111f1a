// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <wring/protocols/http/detail/incoming_body.hpp>

namespace wring::http::detail {

void incoming_body::parse_trailers(input& from, block_pool& pool, const head_limits& limits) {
  if (!trailer_) trailer_.emplace(pool.acquire(block_pool::sizes.front()), limits);
  trailer_section& t = *trailer_;
  for (;;) {
    const head_parser::step step = t.parser.feed(from.bytes(), t.store);
    from.drop(step.consumed);
    if (step.state == head_parser::status::refused) refusal_ = t.parser.why();
    if (step.state == head_parser::status::done) complete_ = true;
    if (step.state != head_parser::status::no_room) return;
    buffer_lease larger = pool.acquire(2 * t.block.size());
    t.store.move_to({larger.data(), larger.size()});
    t.block = std::move(larger);
  }
}

buffer_lease incoming_body::take_plain(input& from) {
  std::size_t count = from.bytes().size();
  if (form_ == body_form::length) {
    count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, count));
    left_ -= count;
    complete_ = left_ == 0;
  }
  if (count == 0) return {};
  received_ += count;
  return from.take(count);
}

buffer_lease incoming_body::take(input& from, block_pool& pool, const head_limits& trailers) {
  if (complete_) return {};
  if (form_ != body_form::chunked) return take_plain(from);
  while (!from.empty() && !complete_ && !refusal_) {
    if (in_trailers_) {
      parse_trailers(from, pool, trailers);
      continue;
    }
    const chunked_decoder::step step = chunks_.feed(from.bytes());
    from.drop(step.consumed - step.data);
    switch (step.state) {
      case chunked_decoder::status::more:
        break;
      case chunked_decoder::status::data:
        received_ += step.data;
        return from.take(step.data);
      case chunked_decoder::status::trailers:
        in_trailers_ = true;
        break;
      case chunked_decoder::status::refused:
        refusal_ = chunks_.why();
        break;
    }
  }
  return {};
}

}  // namespace wring::http::detail
