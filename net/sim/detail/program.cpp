// SPDX-License-Identifier: MIT
#include <algorithm>
#include <csignal>
#include <stdexcept>

#include <fmt/format.h>

#include <wring/core/current_scheduler.hpp>
#include <wring/core/log_context.hpp>
#include <wring/core/nursery.hpp>
#include <wring/net/sim/detail/network.hpp>
#include <wring/net/sim/detail/program.hpp>
#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

program::~program() = default;

void program::start(const run_options& options, wring::detail::main_factory& factory) {
  if (running()) {
    throw std::logic_error(fmt::format("sim::host::run: a program of host '{}' has not ended yet", name));
  }
  {
    const current_scheduler none(nullptr);
    auto made = std::make_unique<sim_engine>(*this, options.scheduler.engine);
    simulated_ = made.get();
    home_ = std::make_unique<scheduler>(std::move(made), options.scheduler);
  }
  const current_scheduler here(home_.get());
  exit_code_.reset();
  ending_ = false;
  resumptions_ = 0;
  main_ = factory.make(*home_);
  main_->context = log::detail::bind_field("host", name);  // so that it can be told who logs
  grace_.emplace(*home_, *main_, options.grace);
  home_->enqueue(*main_);
  in.record(*this, trace::kind::started);
  in.schedule(*this, in.now());
}

void program::step() {
  if (!running() || stepping_) return;
  stepping_ = true;
  std::int64_t due = wring::engine::no_wait;
  {
    const current_scheduler here(home_.get());
    due = home_->step();
    const std::uint64_t resumed = home_->stats().resumptions;
    in.record(*this, trace::kind::turn, static_cast<std::int64_t>(resumed - resumptions_));
    resumptions_ = resumed;
    if (main_->done() && !ending_) {
      ending_ = true;
      grace_.reset();
      home_->root().cancel();
      due = wring::engine::no_wait;
    }
  }
  stepping_ = false;
  if (ending_ && home_->root().size() == 0) return finish();
  std::int64_t next = due == wring::engine::no_wait ? in.now() + network::turn_takes : never;
  if (next == never && due < wring::engine::far_deadline) {
    next = world_time_of(due);
    if (in.happens(fault::late, in.chances().late, *this)) {
      const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(in.chances().latest.count(), 1));
      next += static_cast<std::int64_t>(fault_streams[static_cast<std::size_t>(fault::late)].below(most));
    }
  }
  // What the turn has left for the next one.
  const std::int64_t ready = simulated_->next_ready();
  if (ready != never) next = std::min(next, std::max(ready, in.now() + network::turn_takes));
  if (next != never) in.schedule(*this, next);
}

void program::finish() {
  try {
    exit_code_ = main_->cancelled_at_end() ? 0 : main_->exit_code();
  } catch (...) {
    exit_code_ = 1;
    failure_ = std::current_exception();
    in.note_failure();
  }
  stepping_ = true;  // what it waits for now may let time pass
  {
    const current_scheduler here(home_.get());
    home_->drain();
    main_.reset();
    home_.reset();
  }
  stepping_ = false;
  in.record(*this, trace::kind::ended, *exit_code_);
}

void program::request_stop() {
  if (!running()) return;
  const current_scheduler here(home_.get());
  home_->request_stop();
  in.schedule(*this, in.now());
}

void program::raise(int signal) {
  if (!running()) return;
  if (!simulated_->raise(signal) && (signal == SIGTERM || signal == SIGINT)) request_stop();
}

void program::cancel() {
  if (!running() || ending_) return;
  const current_scheduler here(home_.get());
  main_->root_scope.cancel();
  in.schedule(*this, in.now());
}

}  // namespace wring::sim::detail
