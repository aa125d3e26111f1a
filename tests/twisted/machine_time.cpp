// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <wring/core/callback/defer_later.hpp>
#include <wring/core/callback/looping_call.hpp>

#include "machine.hpp"

namespace wring::tests {

namespace {

constexpr int most_iterations = 6;  // as in the oracle

std::chrono::seconds seconds(const std::string& text) { return std::chrono::seconds(std::stoi(text)); }

}  // namespace

// Its function has the rest, which may outlive the looping call.
struct machine::loop {
  std::string action;
  node n = nobody;
  int iterations = 0;
  bool iterating = false;
  std::optional<looping_call> looping;
};

delayed_call& machine::call(const std::string& number) {
  const auto found = calls_.find(std::stoi(number));
  if (found == calls_.end()) throw skip();
  return found->second;
}

deferred<value> machine::after(const std::string& text) {
  timed_ = true;
  return defer_later(seconds(text)).add_callback([text] { return value(text); });
}

void machine::op_later(arguments a) {
  const int number = std::stoi(a[1]);
  if (calls_.contains(number)) throw skip();
  timed_ = true;
  const program_body& body = program_.actions.at(std::stoul(a[3]));
  calls_.emplace(number, call_later(seconds(a[2]), [this, number, &body] {
                   say("call " + std::to_string(number));
                   act(body, nobody);
                   if (body.outcome.starts_with("raise")) std::rethrow_exception(new_error(body.outcome.substr(5)));
                 }));
}

void machine::op_call_cancel(arguments a) { call(a[1]).cancel(); }
void machine::op_call_reset(arguments a) { call(a[1]).reset(seconds(a[2])); }
void machine::op_call_delay(arguments a) { call(a[1]).delay(seconds(a[2])); }

void machine::op_call_active(arguments a) {
  const delayed_call& c = call(a[1]);
  const auto time = std::chrono::duration_cast<std::chrono::seconds>(c.time() - began_);
  say("call " + a[1] + (c.active() ? " active " : " over ") + std::to_string(time.count()));
}

void machine::op_defer_later(arguments a) {
  const node n = claim(a[1]);
  timed_ = true;
  if (a[3] == "-") {
    keep(n, defer_later(seconds(a[2])).add_callback([] { return value(); }));
    return;
  }
  keep(n, defer_later(seconds(a[2]), [this, n, action = a[3]] {
         say("later " + std::to_string(n));
         return thunk(action, n, true)();
       }));
}

bool machine::is_running(const loop& l) { return l.looping->running(); }

machine::loop& machine::find_loop(const std::string& number) {
  const auto found = loops_.find(std::stoi(number));
  if (found == loops_.end() || found->second == nullptr) throw skip();
  return *found->second;
}

void machine::op_loop(arguments a) {
  const int number = std::stoi(a[1]);
  if (loops_.contains(number)) throw skip();
  const auto made = std::make_shared<loop>();
  made->action = a[2];
  // What the looping call holds must not hold the looping call.
  const std::weak_ptr<loop> weak = made;
  if (a[3] == "c") {
    made->looping = looping_call::with_count([this, number, weak](std::uint64_t ticks) {
      return iterate(number, weak.lock(), " " + std::to_string(ticks));
    });
  } else {
    made->looping.emplace([this, number, weak] { return iterate(number, weak.lock(), ""); });
  }
  loops_.emplace(number, made);
}

deferred<value> machine::iterate(int number, const std::shared_ptr<loop>& l, const std::string& count) {
  say("loop " + std::to_string(number) + count);
  if (++l->iterations >= most_iterations && l->looping->running()) l->looping->stop();
  return thunk(l->action, l->n, false)();
}

void machine::op_loop_start(arguments a) {
  loop& l = find_loop(a[2]);
  const node n = claim(a[1]);
  timed_ = true;
  if (!l.looping->running()) {
    l.n = n;
    l.iterations = 0;
  }
  keep(n, l.looping->start(seconds(a[3]), a[4] == "now").add_callback([] { return value(); }));
}

void machine::op_loop_stop(arguments a) { find_loop(a[1]).looping->stop(); }
void machine::op_loop_reset(arguments a) { find_loop(a[1]).looping->reset(); }

void machine::op_loop_drop(arguments a) {
  find_loop(a[1]);
  const auto dropped = std::exchange(loops_.at(std::stoi(a[1])), nullptr);
  dropped->looping.reset();
}

}  // namespace wring::tests
