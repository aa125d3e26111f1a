// SPDX-License-Identifier: MIT
#include <wring/net/detail/memory_write_wait.hpp>

namespace wring::net::detail {

bool memory_write_wait::ready() noexcept {
  constexpr const char* operation = "write to a memory stream";
  if (pipe_ == nullptr) return outcome_ = error(errc::closed, operation), true;
  if (const int number = shut_ ? 0 : pipe_->write_fault.next(); number != 0) {
    return outcome_ = error::from_errno(number, operation), true;
  }
  if (!pipe_->writers.empty()) return false;
  const bool ended = advance();
  pipe_->settle();
  return ended;
}

void memory_write_wait::suspend() noexcept {
  pipe_->writers.push(*this);
  pipe_->settle();
}

void memory_write_wait::cancel() noexcept {
  pipe_->writers.remove(*this);
  if (written_ != 0) pipe_->tear(written_);
  confirm_cancel();
  pipe_->settle();
}

bool memory_write_wait::advance() noexcept {
  if (pipe_->write_error()) return outcome_ = *pipe_->write_error(), true;
  if (pipe_->shut()) {
    if (!shut_) outcome_ = *pipe_->write_outcome();
    return true;
  }
  for (;;) {
    const std::size_t count = pipe_->put(first_);
    written_ += count;
    first_ = first_.subspan(count);
    if (!first_.empty()) return false;
    if (others_.empty()) break;
    first_ = others_.front();
    others_ = others_.subspan(1);
  }
  if (shut_) pipe_->end();
  return true;
}

}  // namespace wring::net::detail
