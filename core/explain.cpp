// SPDX-License-Identifier: MIT
#include <memory>
#include <sys/utsname.h>

#include <fmt/format.h>

#include <wring/core/engine/make_engine.hpp>
#include <wring/core/explain.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace {

std::string of(const engine& e, const engine_options& options) {
  ::utsname kernel{};
  ::uname(&kernel);
  return fmt::format("{}chosen: {}\nkernel: Linux {}\n", e.explain(), detail::explain_choice(options), kernel.release);
}

}  // namespace

std::string explain() {
  if (scheduler* const s = scheduler::try_current()) return of(s->engine(), s->options().engine);
  const engine_options options;
  const std::unique_ptr<engine> made = make_engine(options);
  std::string text = of(*made, options);
  made->shut_down();
  return text;
}

}  // namespace wring
