// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/flows/main_flow.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// Cancels main once it has been asked to stop and its grace has run out.
class grace_timer : timer {
 public:
  grace_timer(scheduler& s, main_flow& main, duration grace) noexcept
      : timer([](timer& t) noexcept { static_cast<grace_timer&>(t).main_.root_scope.cancel(); }),
        scheduler_(s),
        main_(main),
        grace_(grace) {
    scheduler_.on_stop([](void* self) noexcept { static_cast<grace_timer*>(self)->start(); }, this);
  }
  ~grace_timer() {
    scheduler_.on_stop(nullptr, nullptr);
    scheduler_.timers().cancel(*this);
  }

 private:
  void start() noexcept {
    if (grace_ <= duration()) {
      main_.root_scope.cancel();
    } else {
      scheduler_.timers().schedule(*this, scheduler_.deadline_after(grace_));
    }
  }

  scheduler& scheduler_;
  main_flow& main_;
  duration grace_;
};

}  // namespace wring::detail
