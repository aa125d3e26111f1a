// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <unistd.h>

#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/engine/message_buffers.hpp>
#include <wring/core/engine/uring_abi.hpp>
#include <wring/core/engine/uring_engine.hpp>
#include <wring/core/engine/uring_entry.hpp>
#include <wring/core/error.hpp>

namespace wring::detail {

namespace {

constexpr unsigned least_completion_entries = 512;

constexpr unsigned setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;

// ThreadSanitizer does not see that the memory of a ring is unmapped and mapped again, empty, in another thread.
char ring_memory;

void exit_ring(::io_uring& ring) noexcept {
  release_to_kernel(&ring_memory);
  ::io_uring_queue_exit(&ring);
}

[[noreturn]] void refused(int error_number) {
  throw io_error(error::from_errno(error_number, "set up io_uring"), explain_refusal(error_number));
}

int register_ring(::io_uring& ring, buffer_pool& pool, std::uint16_t group) noexcept {
  ::io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(pool.ring());
  registration.ring_entries = pool.capacity();
  registration.bgid = group;
  return ::io_uring_register_buf_ring(&ring, &registration, 0);
}

}  // namespace

uring_engine::uring_engine(const engine_options& options)
    : kernel_engine(options.buffers, true),
      enter_flags_(IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG),
      busy_poll_(options.busy_poll) {
  set_up_ring(options);
  try {
    // A filter may allow rings to be made and not to be used: better found out here than in the middle of a turn.
    behind_ = !arm_inbox();
    if (const int r = ::io_uring_submit(&ring_); r < 0) refused(-r);
  } catch (...) {
    exit_ring(ring_);
    throw;
  }
}

int uring_engine::try_set_up(unsigned queue_entries, ::io_uring_params& params) noexcept {
  ::io_uring_params made = params;
  if (const int r = ::io_uring_queue_init_params(queue_entries, &ring_, &made); r < 0) return r;
  acquire_from_kernel(&ring_memory);
  params.features = made.features;
  const int r = register_ring(ring_, buffers_, buffer_group);
  if (r < 0) exit_ring(ring_);
  return r;
}

void uring_engine::set_up_ring(const engine_options& options) {
  if (options.queue_entries == 0) throw std::invalid_argument("an engine needs at least one queue entry");
  ::io_uring_params params{};
  params.flags = setup_flags;
  params.cq_entries = std::max(options.completion_entries, options.queue_entries);
  int r = 0;
  for (int attempt = 0; attempt < 8; ++attempt) {
    r = try_set_up(options.queue_entries, params);
    if (r != -ENOMEM) break;
    // Locked memory is limited per user, and what other rings have returned is credited late: ask for less, a little
    // later.
    if (params.cq_entries / 2 >= std::max(least_completion_entries, options.queue_entries)) params.cq_entries /= 2;
    ::usleep(2000U << attempt);
  }
  if (r < 0) refused(-r);
  ::io_uring_ring_dontfork(&ring_);
  if ((params.features & abi::feature_no_iowait) != 0) enter_flags_ |= abi::enter_no_iowait;
  queue_mask_ = *ring_.sq.kring_mask;
  // The queue's indirection is not used: entry i is slot i, for good.
  if (ring_.sq.array != nullptr) {
    for (unsigned i = 0; i < *ring_.sq.kring_entries; ++i) ring_.sq.array[i] = i;
  }
}

// The kernel knows which numbers are in use.
int uring_engine::add_buffers(message_buffers& buffers) noexcept {
  int r = -EEXIST;
  for (unsigned tried = 0; tried != std::numeric_limits<std::uint16_t>::max() && r == -EEXIST; ++tried) {
    if (++latest_group_ == buffer_group) ++latest_group_;
    r = register_ring(ring_, buffers.pool(), latest_group_);
  }
  if (r == 0) buffers.group = latest_group_;
  return r;
}

void uring_engine::remove_buffers(message_buffers& buffers) noexcept {
  ::io_uring_unregister_buf_ring(&ring_, buffers.group);
}

uring_engine::~uring_engine() { exit_ring(ring_); }

}  // namespace wring::detail
