// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/callback/cooperator.hpp>

#include "machine.hpp"

namespace wring::tests {

/// What a cooperator does: actions, one a step.
struct machine::steps {
  machine& m;
  std::string name;
  node n;
  std::vector<std::string> actions;
  std::size_t next = 0;

  [[nodiscard]] const program_body& body(std::size_t i) const { return m.program_.actions.at(std::stoul(actions[i])); }
  [[nodiscard]] bool may_wait(std::size_t i) const {
    const std::string& outcome = body(i).outcome;
    return outcome.starts_with("d") || outcome.starts_with("co") || outcome.starts_with("after");
  }
  [[nodiscard]] bool may_wait() const {
    for (std::size_t i = 0; i != actions.size(); ++i) {
      if (may_wait(i)) return true;
    }
    return false;
  }

  // A failure that is returned is a value like others.
  void act(std::size_t i) const {
    const std::string& outcome = body(i).outcome;
    m.act(body(i), n);
    if (outcome.starts_with("raise")) std::rethrow_exception(m.new_error(outcome.substr(5)));
    if (outcome.starts_with("fail")) static_cast<void>(m.new_error(outcome.substr(4)));
  }

  bool now() {
    if (next == actions.size()) return false;
    m.say("step " + name + "." + std::to_string(next));
    act(next++);
    return true;
  }

  deferred<bool> later() {
    if (next == actions.size() || !may_wait(next)) return succeed(now());
    m.say("step " + name + "." + std::to_string(next));
    return m.thunk(actions[next++], n, false)().add_callback([](const value&) { return true; });
  }
};

cooperator& machine::find_cooperator(const std::string& number) {
  const auto found = cooperators_.find(std::stoi(number));
  if (found == cooperators_.end()) throw skip();
  return *found->second;
}

machine::work& machine::find_work(const std::string& number) {
  const auto found = works_.find(std::stoi(number));
  if (found == works_.end()) throw skip();
  return found->second;
}

// fn(cooperator, step): steps that never wait are another type.
template <class Fn>
void machine::with_steps(const std::string& name, node n, arguments a, Fn fn) {
  cooperator& with = find_cooperator(a[2]);
  timed_ = true;
  const auto made = std::make_shared<steps>(steps{*this, name, n, {a.begin() + 3, a.end()}});
  if (made->may_wait()) {
    fn(with, [made] { return made->later(); });
  } else {
    fn(with, [made] { return made->now(); });
  }
}

void machine::op_coop(arguments a) {
  const int number = std::stoi(a[1]);
  if (cooperators_.contains(number)) throw skip();
  const cooperator_options options{.steps = static_cast<std::uint32_t>(std::stoul(a[2])), .started = a[3] == "s"};
  cooperators_.emplace(number, std::make_unique<cooperator>(options));
}

void machine::op_coop_start(arguments a) {
  timed_ = true;
  find_cooperator(a[1]).start();
}
void machine::op_coop_stop(arguments a) { find_cooperator(a[1]).stop(); }

void machine::op_work(arguments a) {
  const int number = std::stoi(a[1]);
  if (works_.contains(number)) throw skip();
  find_cooperator(a[2]);
  const node n = new_node(nobody);
  with_steps(a[1], n, a, [&](cooperator& with, auto step) {
    works_.emplace(number, work{.handle = with.cooperate(std::move(step)), .n = n});
  });
}

void machine::op_coiterate(arguments a) {
  find_cooperator(a[2]);
  const node n = claim(a[1]);
  with_steps("d" + a[1], n, a, [&](cooperator& with, auto step) {
    keep(n, with.coiterate(std::move(step)).add_callback([] { return value(); }));
  });
}

void machine::op_work_pause(arguments a) {
  work& w = find_work(a[1]);
  w.handle.pause();
  ++w.pauses;
}

void machine::op_work_resume(arguments a) {
  work& w = find_work(a[1]);
  if (w.pauses > 0) --w.pauses;
  w.handle.resume();
}

void machine::op_work_stop(arguments a) { find_work(a[1]).handle.stop(); }

void machine::op_done(arguments a) {
  work& w = find_work(a[2]);
  const node n = claim(a[1]);
  parents_[w.n].insert(n);
  keep(n, w.handle.when_done().add_callback([] { return value(); }));
}

}  // namespace wring::tests
