// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/callback/deferred_queue.hpp>

namespace wring {

queue_overflow::queue_overflow(std::size_t size)
    : std::runtime_error(fmt::format("the deferred_queue is full: {} items wait to be taken", size)) {}
queue_overflow::~queue_overflow() = default;

queue_underflow::queue_underflow(std::size_t backlog)
    : std::runtime_error(fmt::format("as many wait for the deferred_queue as may: {}", backlog)) {}
queue_underflow::~queue_underflow() = default;

}  // namespace wring
