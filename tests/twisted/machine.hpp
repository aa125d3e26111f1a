// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_lock.hpp>
#include <wring/core/callback/deferred_queue.hpp>
#include <wring/core/callback/deferred_semaphore.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/clock.hpp>

#include "program.hpp"

namespace wring::tests {

/// What deferreds carry: a number or a list as text, or nothing. Moving it takes it away.
struct value {
  value() = default;
  explicit value(std::string t) : text(std::move(t)) {}
  value(const value&) = default;
  value& operator=(const value&) = default;
  value(value&& other) noexcept : text(std::exchange(other.text, {})) {}
  value& operator=(value&& other) noexcept {
    text = std::exchange(other.text, {});
    return *this;
  }
  ~value() = default;

  std::string text;
};

/// What programs raise. The serial number tells which it is.
struct program_error : std::runtime_error {
  program_error(int k, int serial)
      : std::runtime_error("E" + std::to_string(k) + "#" + std::to_string(serial)), kind(k) {}
  int kind;
};
template <int Kind>
struct error_of_kind : program_error {
  explicit error_of_kind(int serial) : program_error(Kind, serial) {}
};

std::string show(const value& v);
std::string show(const failure& f);

/// The failures that were logged since the last call, as the oracle shows them, sorted.
std::vector<std::string> take_logged();
/// Sends the log there.
void watch_log();

/// Runs a program in Wring, and writes what happens as the oracle does.
class machine {
 public:
  machine(const program& p, std::string& out, nursery& n) : program_(p), out_(out), nursery_(n) {}
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  task<> run(testing::clock& clock);

 private:
  struct any_action;
  struct action_value;
  struct action_same;
  struct action_failure;
  struct action_deferred;
  struct action_task;
  struct action_trap;
  using arguments = const operation&;
  using handler = void (machine::*)(arguments);
  struct skip {};
  using node = int;  // a slot, or from first_anonymous on something that has none
  static constexpr node first_anonymous = 1000;
  static constexpr node nobody = -1;

  using primitive = std::variant<std::unique_ptr<deferred_lock>, std::unique_ptr<deferred_semaphore>,
                                 std::unique_ptr<deferred_queue<value>>>;

  /// What an operation may be called with.
  struct entry {
    const char* name;
    handler run;
  };
  static const entry table[];

  // Running
  void say(const std::string& text);
  void collect();
  void execute(const operation& op);
  [[nodiscard]] bool idle() const;
  void act(const program_body& body, node n);
  task<> settle(testing::clock& clock);
  task<> close(testing::clock& clock);
  std::exception_ptr new_error(int kind);
  std::exception_ptr new_error(const std::string& kind) { return new_error(std::stoi(kind)); }

  // Deferreds
  node claim(const std::string& slot);
  deferred<value>& handle(const std::string& slot);
  deferred_source<value>& source(const std::string& slot);
  /// `passed_on`: so that nobody has a handle then.
  deferred<value> take(const std::string& slot, node by, bool passed_on);
  [[nodiscard]] bool may_lose_handle(node n) const;
  void check_circle(node n, node by) const;
  void keep(node slot, deferred<value> d) { handles_.insert_or_assign(slot, std::move(d)); }
  node new_node(node parent);

  template <class Fn>
  void with_action(const std::string& number, Fn fn);
  /// The action as a function. `passed_on`: what it returns goes to a chain.
  std::function<deferred<value>()> thunk(const std::string& number, node n, bool passed_on);
  template <class Fn>
  void with_callback(const std::string& slot, const std::string& action, Fn fn);

  template <class Fn>
  void with_end(const std::string& slot, Fn fn);

  void op_new(arguments a);
  void op_succeed(arguments a);
  void op_failed(arguments a);
  void op_maybe(arguments a);
  void op_fire(arguments a);
  void op_error(arguments a);
  void op_fire_failure(arguments a);
  void op_cb(arguments a);
  void op_eb(arguments a);
  void op_both(arguments a);
  void op_pair(arguments a);
  void op_typed(arguments a);
  void op_pause(arguments a);
  void op_unpause(arguments a);
  void op_cancel(arguments a);
  void op_chain(arguments a);
  void op_timeout(arguments a);
  void op_drop(arguments a);
  void op_abandon(arguments a);
  void op_list(arguments a);
  void op_gather(arguments a);
  void op_race(arguments a);
  void op_lock(arguments a);
  void op_sem(arguments a);
  void op_queue(arguments a);
  void op_acquire(arguments a);
  void op_release(arguments a);
  void op_run(arguments a);
  void op_put(arguments a);
  void op_get(arguments a);
  void op_start(arguments a);
  void op_collect(arguments) { collect(); }

  void abandon(node slot);

  // Several deferreds
  struct parts;

  // Locks, semaphores, queues
  int claim_primitive(const std::string& number) const;
  template <class Fn>
  void with_lock(const std::string& number, Fn fn);
  deferred_queue<value>& queue(const std::string& number);
  bool let_one_go(primitive& p);

  // Delayed calls and looping calls
  struct loop;
  delayed_call& call(const std::string& number);
  deferred<value> after(const std::string& seconds);
  static bool is_running(const loop& l);
  loop& find_loop(const std::string& number);
  deferred<value> iterate(int number, const std::shared_ptr<loop>& l, const std::string& count);
  void op_later(arguments a);
  void op_call_cancel(arguments a);
  void op_call_reset(arguments a);
  void op_call_delay(arguments a);
  void op_call_active(arguments a);
  void op_defer_later(arguments a);
  void op_loop(arguments a);
  void op_loop_start(arguments a);
  void op_loop_stop(arguments a);
  void op_loop_reset(arguments a);
  void op_loop_drop(arguments a);

  // Cooperators
  struct steps;
  struct work {
    cooperative_task handle;
    node n;
    int pauses = 0;
  };
  cooperator& find_cooperator(const std::string& number);
  work& find_work(const std::string& number);
  template <class Fn>
  void with_steps(const std::string& name, node n, arguments a, Fn fn);
  void op_coop(arguments a);
  void op_coop_start(arguments a);
  void op_coop_stop(arguments a);
  void op_work(arguments a);
  void op_work_pause(arguments a);
  void op_work_resume(arguments a);
  void op_work_stop(arguments a);
  void op_done(arguments a);
  void op_coiterate(arguments a);

  // Coroutines
  task<value> script(int number, node n);

  const program& program_;
  std::string& out_;
  nursery& nursery_;
  const steady_clock::time_point began_ = steady_clock::now();
  std::size_t events_ = 0;
  int serial_ = 0;
  bool closing_ = false;
  node next_anonymous_ = first_anonymous;
  std::map<node, deferred<value>> handles_;
  std::map<node, deferred_source<value>> sources_;
  std::set<node> used_;
  std::set<node> never_;
  std::set<node> sourceless_;
  std::set<node> busy_;
  std::set<node> passed_on_;
  std::map<node, int> pauses_;
  std::map<node, int> additions_;
  std::map<node, std::set<node>> parents_;  // what waits for it
  std::vector<node> running_;
  std::map<int, primitive> primitives_;
  std::map<int, delayed_call> calls_;
  std::map<int, std::shared_ptr<loop>> loops_;  // null: it was dropped
  std::map<int, std::unique_ptr<cooperator>> cooperators_;
  std::map<int, work> works_;
  bool timed_ = false;  // there may be calls that need no time
};

}  // namespace wring::tests
