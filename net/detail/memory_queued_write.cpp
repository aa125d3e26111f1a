// SPDX-License-Identifier: MIT
#include <span>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/memory_queued_write.hpp>

namespace wring::net::detail {

memory_queued_write::memory_queued_write(memory_pipe& p, queued_write& posted) noexcept
    : end_of_turn([](wring::detail::end_of_turn& e) noexcept {
        auto& self = static_cast<memory_queued_write&>(e);
        self.held_ = false;
        self.pipe_.settle();
      }),
      pipe_(p),
      posted_(posted) {
  scheduler::current().at_end_of_turn(*this);
}

bool memory_queued_write::advance() noexcept {
  if (pipe_.write_error() || pipe_.shut()) return true;
  if (held_) return false;
  std::span<const std::byte> part;
  while (posted_.parts({&part, 1}) != 0) {
    const std::size_t count = pipe_.put(part);
    sent_ += count;
    posted_.written(count);
    if (count != part.size()) return false;
  }
  return true;
}

void memory_queued_write::finish() noexcept {
  const std::optional<error> fault = pipe_.write_outcome();
  posted_.end(fault ? &*fault : nullptr);
}

void memory_queued_write::withdraw() noexcept {
  pipe_.writers.remove(*this);
  std::span<const std::byte> part;
  if (sent_ != 0 && posted_.parts({&part, 1}) != 0) pipe_.tear(sent_);
  memory_pipe& pipe = pipe_;
  finish();
  pipe.settle();
}

}  // namespace wring::net::detail
