// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/callback/detail/child_transport.hpp>
#include <wring/net/callback/spawn_process.hpp>
#include <wring/net/files/detail/command_access.hpp>

namespace wring::net {

namespace {

constexpr duration killing = std::chrono::seconds(5);

/// Whoever waits for the process to have been started.
struct starting {
  void made(std::shared_ptr<process_transport> t) { source.callback(std::move(t)); }
  void failed(const failure& why) {
    if (!source.called()) source.errback(why);
  }

  cancel_scope scope;
  deferred_source<std::shared_ptr<process_transport>> source{[this] { scope.cancel(); }};
};

void use_pipes(command& what) {
  using access = detail::command_access;
  if (access::is_inherited(access::input_of(what))) what.input(process_io::pipe());
  if (access::is_inherited(access::output_of(what))) what.output(process_io::pipe());
  if (access::is_inherited(access::error_of(what))) what.error(process_io::pipe());
}

task<process_status> run_child(process started, std::shared_ptr<process_protocol> p, command what,
                               transport_options options, std::shared_ptr<starting> whose) {
  const abandonment left = detail::command_access::abandonment_of(what);
  const auto t = std::make_shared<detail::child_transport>(std::move(started), what.program(), std::move(p), options);
  const std::function<void()> tell = [&] {
    if (whose != nullptr) whose->made(t);
  };
  process_status status;
  auto body = [&]() -> task<> {
    try {
      co_await t->run(tell);
    } catch (...) {
      t->failed(failure::current());
    }
  };
  auto end = [&]() -> task<> { status = co_await t->end(left); };
  // Cancelled while it was started.
  if (this_task::cancelled()) co_await shield(end);
  // After the kill, the end takes no time that others could prolong.
  const duration limit = std::max(left.grace, duration()) + killing;
  co_await finally(body, end, limit);
  if (whose != nullptr && t->fault()) whose->failed(*t->fault());
  co_return status;
}

task<> run_spawned(std::shared_ptr<starting> s, std::shared_ptr<process_protocol> p, command what,
                   transport_options options) {
  try {
    auto begin = [&] { return spawn(what); };
    std::optional<process> started = co_await s->scope.run(begin);
    if (!started) co_return;
    co_await run_child(std::move(*started), std::move(p), std::move(what), options, s);
  } catch (...) {
    s->failed(failure::current());
  }
}

}  // namespace

task<process_status> run_process_protocol(std::shared_ptr<process_protocol> p, command what,
                                          transport_options options) {
  if (p == nullptr) throw std::invalid_argument("run_process_protocol needs a protocol");
  use_pipes(what);
  process started = co_await spawn(what);
  const process_status status = co_await run_child(std::move(started), std::move(p), std::move(what), options, nullptr);
  co_return status;
}

deferred<std::shared_ptr<process_transport>> spawn_process(std::shared_ptr<process_protocol> p, command what,
                                                           transport_options options) {
  if (p == nullptr) throw std::invalid_argument("spawn_process needs a protocol");
  use_pipes(what);
  const auto made = std::make_shared<starting>();
  deferred<std::shared_ptr<process_transport>> running = made->source.get();
  scheduler::current().root().start(run_spawned, made, std::move(p), std::move(what), options);
  return running;
}

}  // namespace wring::net
