// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include <fmt/format.h>

#include <wring/core/current_scheduler.hpp>
#include <wring/core/detail/escape.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/saturating.hpp>
#include <wring/core/dump_tasks.hpp>
#include <wring/net/sim/detail/network.hpp>
#include <wring/net/sim/detail/program.hpp>
#include <wring/net/sim/world.hpp>

namespace wring::sim {

namespace {

constexpr std::int64_t never = detail::machine::never;
constexpr std::int64_t time_to_end = std::chrono::nanoseconds(std::chrono::hours(1)).count();

std::string replay_command(const world_options& options) {
  std::string text(options.replay);
  if (const std::size_t at = text.find("{}"); at != std::string::npos)
    text.replace(at, 2, std::to_string(options.seed));
  return text;
}

}  // namespace

world::world(const world_options& options)
    : options_(options),
      replay_(replay_command(options)),
      exceptions_(std::uncaught_exceptions()),
      network_(std::make_unique<detail::network>(options.seed, options.link, options.faults, options.event_limit)) {}

world::~world() {
  try {
    if (std::uncaught_exceptions() > exceptions_ && !failure_is_printed_) {
      print_failure("an exception leaves the scope of the world");
    }
  } catch (const std::exception&) {  // no memory for the text
  }
  network_->calm();
  for (const auto& h : hosts_) h->program_->cancel();
  try {
    const std::int64_t limit = wring::detail::time_after(network_->now(), time_to_end);
    while (any_running() && network_->run_next(limit)) {
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "wring: sim: at the end of a world: %s\n", e.what());
  }
  for (const auto& h : hosts_) {
    if (!h->running()) continue;
    std::fprintf(stderr, "wring: sim: the program of host '%s' does not end when it is cancelled\n",
                 h->program_->name.c_str());
    // Its scheduler cannot be destroyed. All is kept within reach of leak checkers: the failure has been reported.
    static auto& abandoned = *new std::vector<std::pair<std::unique_ptr<detail::network>, decltype(hosts_)>>();
    abandoned.emplace_back(std::move(network_), std::move(hosts_));
    return;
  }
}

host& world::host(std::string_view name) {
  for (const auto& h : hosts_) {
    if (h->name() == name) return *h;
  }
  auto made = std::make_unique<detail::program>(*network_, std::string(name), static_cast<std::uint32_t>(hosts_.size()),
                                                options_.seed);
  network_->add(*made);
  network_->names().add(name, {made->v6.to_string(), made->v4.to_string()});
  hosts_.emplace_back(new sim::host(std::move(made)), [](sim::host* h) { delete h; });
  return *hosts_.back();
}

// Running.

bool world::any_running() const noexcept {
  return std::ranges::any_of(hosts_, [](const auto& h) { return h->running(); });
}

bool world::next(std::int64_t limit) {
  bool happened = false;
  try {
    happened = network_->run_next(limit);
  } catch (const std::exception& e) {
    fail(std::current_exception(), e.what());
  }
  if (network_->failed()) throw_failure();
  if (const auto& differs = network_->events().divergence(); differs) {
    const std::string text = fmt::format("sim: two runs of seed {} differ at {}", options_.seed, *differs);
    fail(std::make_exception_ptr(not_deterministic(text)), text);
  }
  return happened;
}

void world::throw_failure() {
  for (const auto& h : hosts_) {
    if (const std::exception_ptr thrown = h->program_->take_failure(); thrown != nullptr) {
      fail(thrown, fmt::format("the program of host '{}' has thrown: {}", h->name(), wring::detail::describe(thrown)));
    }
  }
}

void world::print_failure(const std::string& what) const {
  std::fprintf(stderr, "wring: sim: failed with %s: %s\n", network_->where().c_str(), what.c_str());
  if (!replay_.empty()) std::fprintf(stderr, "wring: sim: to repeat it: %s\n", replay_.c_str());
}

void world::fail(std::exception_ptr why, const std::string& what) {
  print_failure(what);
  failure_is_printed_ = true;
  std::rethrow_exception(why);
}

void world::report_deadlock() {
  const char* const what = any_running() ? "tasks wait, and nothing can happen any more"
                                         : "no program runs any more, and the condition is not true";
  const std::string text = fmt::format("sim: {} ({})\n{}", what, network_->where(), dump_tasks());
  fail(std::make_exception_ptr(deadlock(text)), text);
}

void world::run_for(duration time) {
  const std::int64_t end = wring::detail::time_after(network_->now(), time.count());
  while (next(end)) {
  }
  if (end != never) network_->move_to(end);
}

void world::run_until(const std::function<bool()>& condition) {
  while (!condition()) {
    if (!next(never)) report_deadlock();
  }
}

void world::run_to_end() {
  while (any_running()) {
    if (!next(never)) report_deadlock();
  }
}

duration world::now() const noexcept { return std::chrono::nanoseconds(network_->now()); }
std::uint64_t world::seed() const noexcept { return options_.seed; }
random_stream world::random(std::string_view name) const noexcept {
  return random_stream(options_.seed, "test").split(name);
}

// The network.

void world::partition(const sim::host& a, const sim::host& b) { network_->partition(*a.program_, *b.program_); }
void world::heal(const sim::host& a, const sim::host& b) { network_->heal(*a.program_, *b.program_); }
void world::clog(const sim::host& from, const sim::host& to, duration time) {
  network_->clog(*from.program_, *to.program_, wring::detail::time_after(network_->now(), time.count()));
}
void world::set_link(const sim::host& from, const sim::host& to, const link_options& options) {
  network_->set_link(*from.program_, *to.program_, options);
}
void world::calm() { network_->calm(); }

const fault_counts& world::faults() const noexcept { return network_->counts(); }
trace& world::trace() noexcept { return network_->events(); }

std::string world::dump_tasks() const {
  std::string all;
  for (const auto& h : hosts_) {
    scheduler* const home = h->program_->home();
    if (home == nullptr) continue;
    const current_scheduler here(home);
    all += fmt::format("host {}:\n{}", h->name(), wring::dump_tasks(*home));
  }
  return all;
}

std::uint64_t check_deterministic(const world_options& options, const std::function<void(world&)>& scenario) {
  sim::trace first;
  {
    world w(options);
    w.trace().keep();
    scenario(w);
    first = w.trace();
  }
  world again(options);
  again.trace().follow(first);
  scenario(again);
  again.trace().ended();
  if (again.trace().divergence()) {
    throw not_deterministic(
        fmt::format("sim: two runs of seed {} differ at {}", options.seed, *again.trace().divergence()));
  }
  return first.hash();
}

}  // namespace wring::sim
