// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <pthread.h>
#include <unistd.h>

#include <wring/core/detail/scheduling/home.hpp>

namespace wring::detail {

namespace {

constinit std::mutex registration;
constinit scheduler_identity* living = nullptr;  // the latest first
constinit std::uint32_t latest_number = 0;
/// Of the scheduler that was made last on this thread, while it lives; otherwise 0.
constinit thread_local std::uint32_t latest_here = 0;

struct thread_text {
  thread_text(std::uintptr_t thread, ::pid_t number) noexcept {
    std::array<char, 16> name{};
    ::pthread_getname_np(thread, name.data(), name.size());
    std::snprintf(text.data(), text.size(), "%s (thread %d)", name.data(), static_cast<int>(number));
  }
  std::array<char, 64> text{};
};
static_assert(sizeof(::pthread_t) == sizeof(std::uintptr_t));

[[noreturn]] void used_elsewhere(const char* object, const thread_text& owner) noexcept {
  const thread_text here(::pthread_self(), ::gettid());
  std::fprintf(stderr,
               "wring: %s of the scheduler on %s was used on %s%s: ask its scheduler by submit_to, or send it what it "
               "needs through a cross_channel\n",
               object, owner.text.data(), latest_here == 0 ? "" : "the scheduler on ", here.text.data());
  std::abort();
}

}  // namespace

void scheduler_identity::begin() noexcept {
  thread_ = ::pthread_self();
  thread_number_ = ::gettid();
  const std::lock_guard lock(registration);
  if (++latest_number == 0) ++latest_number;
  number_ = latest_here = latest_number;
  next_ = living;
  living = this;
}

void scheduler_identity::end() noexcept {
  const std::lock_guard lock(registration);
  scheduler_identity** link = &living;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
  if (latest_here == number_) latest_here = 0;
}

void scheduler_identity::check(const char* object) const noexcept {
  if (::pthread_self() != thread_) [[unlikely]]
    used_elsewhere(object, thread_text(thread_, thread_number_));
}

void home::check(const char* object) noexcept {
  const std::atomic_ref number(number_);  // a misuse is a race
  const std::uint32_t owner = number.load(std::memory_order_relaxed);
  if (owner != 0 && owner == latest_here) return;
  const std::lock_guard lock(registration);
  for (const scheduler_identity* s = living; s != nullptr; s = s->next_) {
    if (s->number_ != owner) continue;
    if (s->thread_ == ::pthread_self()) return;
    used_elsewhere(object, thread_text(s->thread_, s->thread_number_));
  }
  number.store(latest_here, std::memory_order_relaxed);
}

}  // namespace wring::detail
