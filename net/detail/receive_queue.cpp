// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/net/detail/receive_queue.hpp>

namespace wring::net::detail {

using wring::detail::frame_recycler;

bool receive_queue::add(buffer_lease&& chunk, bool front) noexcept {
  node* added = nullptr;
  try {
    added = ::new (frame_recycler::allocate(sizeof(node))) node{nullptr, std::move(chunk)};
  } catch (const std::bad_alloc&) {
    return false;
  }
  weight_ += added->chunk.size() + overhead;
  if (front) {
    added->next = first_;
    first_ = added;
    if (last_ == nullptr) last_ = added;
  } else {
    (last_ != nullptr ? last_->next : first_) = added;
    last_ = added;
  }
  return true;
}

std::size_t receive_queue::bytes() const noexcept {
  std::size_t count = 0;
  for (const node* n = first_; n != nullptr; n = n->next) count += n->chunk.size();
  return count;
}

buffer_lease receive_queue::pop() noexcept {
  node* const popped = first_;
  if (popped == nullptr) return {};
  first_ = popped->next;
  if (first_ == nullptr) last_ = nullptr;
  buffer_lease chunk = std::move(popped->chunk);
  std::destroy_at(popped);
  frame_recycler::deallocate(popped, sizeof(node));
  weight_ -= chunk.size() + overhead;
  return chunk;
}

std::size_t receive_queue::pop(std::span<std::byte> into) noexcept {
  std::size_t count = 0;
  while (count < into.size() && first_ != nullptr) {
    buffer_lease& chunk = first_->chunk;
    const std::size_t part = std::min(chunk.size(), into.size() - count);
    std::memcpy(into.data() + count, chunk.data(), part);
    count += part;
    if (part == chunk.size()) {
      static_cast<void>(pop());
    } else {
      chunk.consume(part);
      weight_ -= part;
    }
  }
  return count;
}

std::vector<std::byte> receive_queue::take_all() {
  std::vector<std::byte> all;
  while (const buffer_lease chunk = pop()) all.insert(all.end(), chunk.begin(), chunk.end());
  return all;
}

}  // namespace wring::net::detail
