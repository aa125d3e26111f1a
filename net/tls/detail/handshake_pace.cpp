// SPDX-License-Identifier: MIT
#include <wring/core/scheduler.hpp>
#include <wring/net/tls/detail/handshake_pace.hpp>

namespace wring::net::tls::detail {

handshake_pace::handshake_pace(scheduler& s) noexcept : scheduler_(s) {}
handshake_pace::~handshake_pace() = default;

handshake_pace::turn_end::turn_end(handshake_pace& p) noexcept
    : end_of_turn([](end_of_turn& e) noexcept {
        handshake_pace& ended = static_cast<turn_end&>(e).pace;
        ended.spent_ = 0;
        ended.steps_ = 0;
        ended.turn_over_.notify_one();
      }),
      pace(p) {}

handshake_pace::step::step(handshake_pace& pace, mutex::guard turn) noexcept
    : pace_(&pace), turn_(std::move(turn)), begun_(pace.scheduler_.clock_now()) {}

void handshake_pace::step::done() noexcept {
  handshake_pace* const p = std::exchange(pace_, nullptr);
  if (p == nullptr) return;
  p->spent_ += p->scheduler_.clock_now() - begun_;
  ++p->steps_;
  p->scheduler_.at_end_of_turn(p->end_);
  turn_.unlock();
}

task<handshake_pace::step> handshake_pace::next() {
  mutex::guard turn = co_await computing_.lock();
  auto has_time = [this] { return spent_ < most_time && steps_ < most_steps; };
  co_await turn_over_.wait(has_time);
  co_return step(*this, std::move(turn));
}

}  // namespace wring::net::tls::detail
