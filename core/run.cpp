// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>

#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/grace_timer.hpp>
#include <wring/core/detail/flows/run_to_end.hpp>
#include <wring/core/detail/process/dump_signal.hpp>
#include <wring/core/detail/process/stop_signals.hpp>
#include <wring/core/run.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring::detail {

namespace {

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
