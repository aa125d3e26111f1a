// SPDX-License-Identifier: MIT
#include <memory>

#include <wring/core/callback/defer_later.hpp>
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

deferred<> defer_later(duration delay, const std::source_location& at) {
  detail::check_delay(delay);
  static_cast<void>(scheduler::current());
  const auto call = std::make_shared<delayed_call>();
  deferred_source<> fires(
      [call](deferred_source<>& source) {
        // The call owns the source, so it is destroyed last.
        source.errback(cancelled_error());
        if (call->active()) call->cancel();
      },
      at);
  auto made = fires.get();
  *call = call_later(delay, [source = std::move(fires)]() mutable { source.callback(); });
  return made;
}

}  // namespace wring
