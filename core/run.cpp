// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>

#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/run_to_end.hpp>
#include <wring/core/detail/process/dump_signal.hpp>
#include <wring/core/detail/process/stop_signals.hpp>
#include <wring/core/run.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring::detail {

namespace {

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

void report(const std::exception_ptr& escaped, const exception_trace* trace) {
  std::fprintf(stderr, "wring: error: %s\n", describe(escaped).c_str());
  if (trace != nullptr && trace->exception == identity(escaped)) std::fputs(to_string(*trace).c_str(), stderr);
}

}  // namespace

int run_to_end(const run_options& options, scheduler& s, main_factory& factory) {
  const std::unique_ptr<main_flow> main = factory.make(s);
  const grace_timer grace(s, *main, options.grace);
  s.enqueue(*main);
  s.run_until(main->done());
  if (main->cancelled_at_end()) return 0;
  try {
    return main->exit_code();
  } catch (...) {
    report(std::current_exception(), main->trace.get());
    return 1;
  }
}

int run_main(const run_options& options, main_factory& factory) {
  try {
    scheduler s(options.scheduler);
    const stop_signals signals(s, options.handle_signals);
    const dump_signal quit(s, options.dump_on_sigquit);
    const int code = run_to_end(options, s, factory);
    s.drain();
    report_abandoned_jobs();
    return code;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "wring: error: %s\n", e.what());
    return 1;
  }
}

}  // namespace wring::detail
