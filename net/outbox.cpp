// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/detail/outbox_queue.hpp>
#include <wring/net/outbox.hpp>

namespace wring::net {

outbox::outbox(stream_ref stream, nursery& n, outbox_options options) : overflow_(options.overflow) {
  if (options.limit == 0) throw std::invalid_argument("outbox_options::limit is 0: nothing could be posted");
  queue_ = new detail::outbox_queue(stream, n, options.limit);
}

outbox::~outbox() { queue_->abandon(); }

bool outbox::refuse() noexcept {
  if (queue_->fault()) return false;
  switch (overflow_) {
    case outbox_overflow::refuse:
      break;
    case outbox_overflow::drop:
      ++dropped_;
      break;
    case outbox_overflow::abort:
      queue_->overflow();
      break;
  }
  return false;
}

bool outbox::post(std::span<const std::byte> bytes) {
  return queue_->has_room(bytes.size()) ? queue_->add(bytes) : refuse();
}

bool outbox::post(shared_bytes bytes) {
  return queue_->has_room(bytes.size()) ? queue_->add(std::move(bytes)) : refuse();
}

}  // namespace wring::net
