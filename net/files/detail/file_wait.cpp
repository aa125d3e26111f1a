// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/net/files/detail/file_wait.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t chunk = std::size_t{64} * 1024;
// The kernel carries out less than 2 GiB at once, and says how much.
constexpr std::size_t most_at_once = std::size_t{1} << 30;

std::uint32_t at_once(std::size_t size) noexcept { return static_cast<std::uint32_t>(std::min(size, most_at_once)); }

}  // namespace

file_wait::file_wait(file_state* s, op_code what, const char* text, bool in_sequence) noexcept
    : file_(s), text_(text), in_sequence_(in_sequence) {
  code = what;
  on_completion = [](operation& op, completion c) noexcept { static_cast<file_wait&>(op).ended(c.result); };
}

bool file_wait::refused() noexcept {
  if (file_ == nullptr) {
    fault_ = error(errc::closed, text_);
  } else if (file_->fd.get() < 0) {
    fault_ = file_->fault(errc::closed, text_);
  } else if (in_sequence_ && file_->in_sequence) {
    fault_ = file_->fault(errc::busy, text_);
  }
  return fault_.has_value();
}

void file_wait::begin() noexcept {
  ++file_->waits;
  if (in_sequence_) file_->in_sequence = true;
  submit_again();
}

void file_wait::submit_again() noexcept {
  fd = file_->fd.get();
  home().engine().submit(*this);
}

void file_wait::leave() noexcept {
  --file_->waits;
  if (in_sequence_) file_->in_sequence = false;
}

void file_wait::end() noexcept {
  leave();
  complete();
}

void file_wait::end_cancelled() noexcept {
  leave();
  confirm_cancel();
}

void file_wait::cancel() noexcept { home().engine().cancel(*this); }

void file_wait::raise_fault() const {
  if (file_ == nullptr) fault_->raise();
  file_->raise(*fault_);
}

wait_description file_wait::describe() const noexcept {
  return {.operation = text_, .fd = fd, .address = file_ == nullptr ? error_address() : file_->address()};
}

file_read_wait::file_read_wait(file_state* s, std::uint64_t at, std::span<std::byte> into) noexcept
    : leaf(s, op_code::read, "read from", false) {
  data = into.data();
  length = at_once(into.size());
  offset = at;
}

bool file_read_wait::ready() noexcept { return refused() || length == 0; }

void file_read_wait::ended(std::int32_t value) noexcept {
  if (cancel_requested() && (value >= 0 || value == -ECANCELED)) return end_cancelled();
  if (value < 0) {
    fail(value);
  } else {
    read_ = static_cast<std::size_t>(value);
  }
  end();
}

std::size_t file_read_wait::take() {
  if (fault_) raise_fault();
  return read_;
}

result<std::size_t> file_read_wait::take_result() noexcept {
  if (fault_) return *fault_;
  return read_;
}

file_lease_wait::file_lease_wait(file_state* s) noexcept : leaf(s, op_code::read, "read from", true) {}

void file_lease_wait::suspend() noexcept {
  auto leased = home().blocks().try_acquire(chunk);
  if (!leased) {
    fault_ = leased.error();
    complete();
    return;
  }
  lease_ = std::move(*leased);
  data = lease_.data();
  length = at_once(lease_.size());
  offset = file_->position;
  begin();
}

void file_lease_wait::ended(std::int32_t value) noexcept {
  if (value < 0 || cancel_requested()) lease_.reset();
  if (cancel_requested() && (value >= 0 || value == -ECANCELED)) return end_cancelled();
  if (value < 0) {
    fail(value);
  } else {
    lease_.truncate(static_cast<std::size_t>(value));
    file_->position += static_cast<std::uint64_t>(value);
  }
  end();
}

buffer_lease file_lease_wait::take() {
  if (fault_) raise_fault();
  return std::move(lease_);
}

result<buffer_lease> file_lease_wait::take_result() noexcept {
  if (fault_) return *fault_;
  return std::move(lease_);
}

void file_lease_wait::put_back(buffer_lease& lease) noexcept {
  if (file_ != nullptr) file_->position -= lease.size();
  lease.reset();
}

file_write_wait::file_write_wait(file_state* s, std::span<const std::byte> bytes,
                                 std::optional<std::uint64_t> at) noexcept
    : leaf(s, op_code::write, "write to", !at), left_(bytes), at_(at) {}

bool file_write_wait::ready() noexcept {
  if (refused()) return true;
  if (!at_ && (file_->torn || file_->write_ended)) {
    fault_ = file_->fault(file_->torn ? errc::write_torn : errc::closed, "write to");
    return true;
  }
  return left_.empty();
}

void file_write_wait::suspend() noexcept {
  set_part();
  begin();
}

void file_write_wait::set_part() noexcept {
  data = const_cast<std::byte*>(left_.data());
  length = at_once(left_.size());
  offset = at_.value_or(file_->position);
}

void file_write_wait::ended(std::int32_t value) noexcept {
  if (value > 0) {
    const auto written = static_cast<std::size_t>(value);
    left_ = left_.subspan(written);
    begun_ = true;
    if (at_) {
      *at_ += written;
    } else {
      file_->position += written;
    }
    if (left_.empty()) return end();
    if (!cancel_requested()) {
      set_part();
      return submit_again();
    }
    value = -ECANCELED;
  }
  // A file that takes nothing, and says of no fault, would take nothing for ever.
  if (value == 0) value = -EIO;
  if (!at_ && begun_) file_->torn = true;
  if (cancel_requested() && value == -ECANCELED) return end_cancelled();
  fail(value);
  end();
}

result<void> file_write_wait::take_result() const noexcept {
  if (fault_) return *fault_;
  return {};
}

file_end_wait::file_end_wait(file_state* s) noexcept : leaf(s, op_code::write, "shut down the writing of", true) {}

bool file_end_wait::ready() noexcept {
  if (refused()) return true;
  if (file_->torn) {
    fault_ = file_->fault(errc::write_torn, "shut down the writing of");
  } else {
    file_->write_ended = true;
  }
  return true;
}

result<void> file_end_wait::take_result() const noexcept {
  if (fault_) return *fault_;
  return {};
}

file_sync_wait::file_sync_wait(file_state* s) noexcept : leaf(s, op_code::sync, "sync", false) {}

void file_sync_wait::ended(std::int32_t value) noexcept {
  if (cancel_requested() && value == -ECANCELED) return end_cancelled();
  if (value < 0) fail(value);
  end();
}

result<void> file_sync_wait::take_result() const noexcept {
  if (fault_) return *fault_;
  return {};
}

}  // namespace wring::net::detail
