// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <type_traits>

#include <wring/core/callback/maybe_deferred.hpp>
#include <wring/core/callback/start_deferred.hpp>

#include "actions.hpp"

namespace wring::tests {

namespace {

int number(const std::string& text) { return std::stoi(text); }

value new_value(const std::string& text) { return value(text); }

using any_errback = std::function<deferred<value>(failure)>;

template <class Fn>
any_errback as_one_type(Fn errback) {
  if constexpr (std::is_same_v<std::invoke_result_t<Fn&, failure>, failure>) {
    return [errback](failure f) { return fail<value>(errback(std::move(f))); };
  } else {
    return [errback](failure f) { return maybe_deferred(errback, std::move(f)); };
  }
}

}  // namespace

// In alphabetical order.
const machine::entry machine::table[] = {
    {"abandon", &machine::op_abandon},
    {"acquire", &machine::op_acquire},
    {"both", &machine::op_both},
    {"call_active", &machine::op_call_active},
    {"call_cancel", &machine::op_call_cancel},
    {"call_delay", &machine::op_call_delay},
    {"call_reset", &machine::op_call_reset},
    {"cancel", &machine::op_cancel},
    {"cb", &machine::op_cb},
    {"chain", &machine::op_chain},
    {"coiterate", &machine::op_coiterate},
    {"collect", &machine::op_collect},
    {"coop", &machine::op_coop},
    {"coop_start", &machine::op_coop_start},
    {"coop_stop", &machine::op_coop_stop},
    {"defer_later", &machine::op_defer_later},
    {"done", &machine::op_done},
    {"drop", &machine::op_drop},
    {"eb", &machine::op_eb},
    {"error", &machine::op_error},
    {"failed", &machine::op_failed},
    {"fire", &machine::op_fire},
    {"fire_failure", &machine::op_fire_failure},
    {"gather", &machine::op_gather},
    {"get", &machine::op_get},
    {"later", &machine::op_later},
    {"list", &machine::op_list},
    {"lock", &machine::op_lock},
    {"loop", &machine::op_loop},
    {"loop_drop", &machine::op_loop_drop},
    {"loop_reset", &machine::op_loop_reset},
    {"loop_start", &machine::op_loop_start},
    {"loop_stop", &machine::op_loop_stop},
    {"maybe", &machine::op_maybe},
    {"new", &machine::op_new},
    {"pair", &machine::op_pair},
    {"pause", &machine::op_pause},
    {"put", &machine::op_put},
    {"queue", &machine::op_queue},
    {"race", &machine::op_race},
    {"release", &machine::op_release},
    {"run", &machine::op_run},
    {"sem", &machine::op_sem},
    {"start", &machine::op_start},
    {"succeed", &machine::op_succeed},
    {"timeout", &machine::op_timeout},
    {"typed", &machine::op_typed},
    {"unpause", &machine::op_unpause},
    {"work", &machine::op_work},
    {"work_pause", &machine::op_work_pause},
    {"work_resume", &machine::op_work_resume},
    {"work_stop", &machine::op_work_stop},
};

void machine::execute(const operation& op) {
  const auto* const found =
      std::ranges::lower_bound(table, op.front(), {}, [](const entry& e) { return std::string_view(e.name); });
  if (found == std::end(table) || found->name != op.front())
    throw std::invalid_argument("unknown operation " + op.front());
  try {
    (this->*found->run)(op);
  } catch (const skip&) {
  } catch (...) {
    std::string words;
    for (const auto& word : op) words += ' ' + word;
    say("!" + words + ": " + show(failure::current()));
  }
}

machine::node machine::claim(const std::string& slot) {
  const node n = number(slot);
  if (!used_.insert(n).second) throw skip();
  return n;
}

deferred<value>& machine::handle(const std::string& slot) {
  const auto found = handles_.find(number(slot));
  if (found == handles_.end()) throw skip();
  return found->second;
}

deferred_source<value>& machine::source(const std::string& slot) {
  const auto found = sources_.find(number(slot));
  if (found == sources_.end()) throw skip();
  return found->second;
}

// Whether it is known who could unpause it then.
bool machine::may_lose_handle(node n) const {
  const auto pauses = pauses_.find(n);
  return pauses == pauses_.end() || pauses->second == 0 || sources_.contains(n) || sourceless_.contains(n);
}

// What would wait for itself, or for ever, is not given away.
deferred<value> machine::take(const std::string& slot, node by, bool passed_on) {
  const node n = number(slot);
  deferred<value>& found = handle(slot);
  if (passed_on ? !may_lose_handle(n) : pauses_[n] != 0) throw skip();
  if (never_.contains(n) || busy_.contains(n) || std::ranges::find(running_, n) != running_.end()) {
    throw skip();
  }
  check_circle(n, by);
  deferred<value> taken = std::move(found);
  handles_.erase(n);
  parents_[n].insert(by);
  if (passed_on) passed_on_.insert(n);
  if (sourceless_.contains(n)) pauses_[n] = 0;
  return taken;
}

void machine::check_circle(node n, node by) const {
  if (by == n) throw skip();
  const auto above = parents_.find(by);
  if (above == parents_.end()) return;
  for (const node waiting : above->second) check_circle(n, waiting);
}

machine::node machine::new_node(node parent) {
  parents_[++next_anonymous_] = {parent};
  return next_anonymous_;
}

void machine::op_new(arguments a) {
  const node n = claim(a[1]);
  deferred_source<value> made(nullptr);
  if (a[2] == "-") {
    made = deferred_source<value>();
  } else {
    const program_body& action = program_.actions.at(std::stoul(a[2]));
    made = deferred_source<value>([this, n, &action](deferred_source<value>&) {
      say("cancelling " + std::to_string(n));
      act(action, n);
      if (action.outcome.starts_with("raise")) std::rethrow_exception(new_error(action.outcome.substr(5)));
    });
  }
  keep(n, made.get());
  sources_.emplace(n, std::move(made));
}

void machine::op_succeed(arguments a) {
  const node n = claim(a[1]);
  sourceless_.insert(n);
  keep(n, succeed(new_value(a[2])));
}

void machine::op_failed(arguments a) {
  const node n = claim(a[1]);
  sourceless_.insert(n);
  keep(n, fail<value>(new_error(a[2])));
}

std::function<deferred<value>()> machine::thunk(const std::string& number, node n, bool passed_on) {
  std::function<deferred<value>()> made;
  with_action(number, [&](auto action) {
    if constexpr (std::is_same_v<decltype(action), action_deferred>) action.passed_on = passed_on;
    if constexpr (std::is_same_v<decltype(action), action_failure>) {
      made = [this, n, action] { return fail<value>(action(*this, n, value())); };
    } else {
      made = [this, n, action] { return maybe_deferred([this, n, &action] { return action(*this, n, value()); }); };
    }
  });
  return made;
}

void machine::op_maybe(arguments a) {
  const node n = claim(a[1]);
  keep(n, thunk(a[2], n, false)());
}

void machine::op_fire(arguments a) { source(a[1]).callback(new_value(a[2])); }

void machine::op_error(arguments a) {
  deferred_source<value>& s = source(a[1]);
  s.errback(new_error(a[2]));
}

void machine::op_fire_failure(arguments a) {
  deferred_source<value>& s = source(a[1]);
  s.callback(failure(new_error(a[2])));
}

void machine::op_cb(arguments a) {
  deferred<value>& d = handle(a[1]);
  with_callback(a[1], a[2], [&](auto callback) { d.add_callback(callback); });
}

void machine::op_eb(arguments a) {
  deferred<value>& d = handle(a[1]);
  with_callback(a[1], a[2], [&](auto callback) { d.add_errback(callback); });
}

void machine::op_both(arguments a) {
  deferred<value>& d = handle(a[1]);
  with_callback(a[1], a[2], [&](auto callback) { d.add_both(callback); });
}

// The errback behind one type: to make all the pairs that there could be would take the compiler very long.
void machine::op_pair(arguments a) {
  deferred<value>& d = handle(a[1]);
  with_callback(a[1], a[2], [&](auto callback) {
    any_errback errback;
    with_callback(a[1], a[3], [&](auto other) { errback = as_one_type(other); });
    d.add_callbacks(callback, std::move(errback));
  });
}

// The chain goes through a number and back. Nobody has it meanwhile.
void machine::op_typed(arguments a) {
  deferred<value> d = std::move(handle(a[1]));
  const node n = number(a[1]);
  handles_.erase(n);
  with_callback(a[1], a[2], [&](auto callback) {
    keep(n, std::move(d)
                .add_callback(callback)
                .add_callback([](const value& v) { return std::make_pair(v.text, 1); })
                .add_callback([](const std::pair<std::string, int>& p) { return value(p.first); }));
  });
}

// By the deferred, or by the source if the deferred was given away or dropped.
template <class Fn>
void machine::with_end(const std::string& slot, Fn fn) {
  const node n = number(slot);
  if (handles_.contains(n)) {
    fn(handle(slot));
  } else if (passed_on_.contains(n)) {
    fn(source(slot));
  } else {
    throw skip();
  }
}

void machine::op_pause(arguments a) {
  with_end(a[1], [](auto& end) { end.pause(); });
  ++pauses_[number(a[1])];
}

void machine::op_unpause(arguments a) {
  with_end(a[1], [&](auto& end) {
    int& count = pauses_[number(a[1])];
    if (count == 0) throw skip();
    --count;
    end.unpause();
  });
}

void machine::op_cancel(arguments a) { handle(a[1]).cancel(); }

void machine::op_chain(arguments a) {
  const node target = number(a[2]);
  source(a[2]);
  if (pauses_[target] != 0 && !handles_.contains(target)) throw skip();
  deferred<value> d = take(a[1], target, true);
  deferred_source<value> s = std::move(source(a[2]));
  sources_.erase(target);
  std::move(d).chain_deferred(std::move(s));
}

void machine::op_timeout(arguments a) {
  deferred<value>& d = handle(a[1]);
  if (never_.contains(number(a[1]))) throw skip();
  const auto limit = std::chrono::seconds(number(a[2]));
  if (a[3] == "-") {
    d.add_timeout(limit);
    return;
  }
  with_action(a[3], [&](auto action) {
    d.add_timeout(limit, [this, action, n = number(a[1])](auto given, std::chrono::nanoseconds) {
      say("timeout " + std::to_string(n) + ": " + show(given));
      return action(*this, n, std::move(given));
    });
  });
}

void machine::op_drop(arguments a) {
  handle(a[1]);
  const node n = number(a[1]);
  if (!may_lose_handle(n)) throw skip();
  passed_on_.insert(n);
  if (sourceless_.contains(n)) pauses_[n] = 0;
  handles_.extract(n);
}

void machine::op_abandon(arguments a) {
  source(a[1]);
  abandon(number(a[1]));
}

void machine::abandon(node n) {
  if (!handles_.contains(n)) pauses_[n] = 0;
  sourceless_.insert(n);
  sources_.extract(n);
}

void machine::op_start(arguments a) {
  const node n = claim(a[1]);
  keep(n, start_deferred(nursery_, &machine::script, std::ref(*this), number(a[2]), n));
}

}  // namespace wring::tests
