// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <memory>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/callback/race.hpp>
#include <wring/core/error.hpp>
#include <wring/core/log.hpp>
#include <wring/core/timeout.hpp>

#include "machine.hpp"

namespace wring::tests {

namespace {

using namespace std::chrono_literals;

// As in the oracle.
constexpr std::size_t most_events = 300;
constexpr std::size_t deepest = 8;

std::vector<std::string> logged;

struct named_type {
  const char* type;
  const char* shown;
};
constexpr named_type named_types[] = {
    {"wring::cancelled_error", "cancelled"},
    {"wring::broken_deferred", "broken"},
    {"wring::timeout_error", "timeout"},
    {"wring::already_called", "already called"},
    {"wring::queue_overflow", "overflow"},
    {"wring::queue_underflow", "underflow"},
    {"std::logic_error", "misuse"},
    {"wring::call_already_made", "call made"},
    {"wring::call_already_cancelled", "call cancelled"},
    {"wring::cooperative_task_done", "work done"},
    {"wring::cooperative_task_stopped", "work stopped"},
    {"wring::cooperative_task_failed", "work failed"},
    {"wring::cooperator_stopped", "cooperator stopped"},
    {"wring::not_paused", "not paused"},
};

std::string show_type(const std::string& type, const std::string& message) {
  for (const auto& known : named_types) {
    if (type == known.type) return known.shown;
  }
  return message;
}

// What is logged has the text of an exception only.
std::string show_logged(const std::string& type, const std::string& message) {
  if (type == "wring::failure_group") return "group";
  const std::string first = "the deferred at index ";
  if (!message.starts_with(first)) return show_type(type, message);
  return "first(" + message.substr(first.size(), message.find(' ', first.size()) - first.size()) + ")";
}

void note(const log::record& r) {
  std::string type;
  std::string message;
  for (const auto& field : r.fields) {
    if (field.key == "type") type = field.value;
    if (field.key == "error") message = field.value;
  }
  if (r.message == "unhandled failure of a deferred") {
    logged.push_back("unhandled " + show_logged(type, message));
  } else if (r.message.find("canceller") != std::string_view::npos) {
    logged.push_back("canceller raised " + message);
  } else if (r.message == "a delayed call threw") {
    logged.push_back("call raised " + message);
  } else if (r.message == "unhandled failure of a cooperative task") {
    logged.push_back("unwatched");
  } else {
    logged.push_back("log " + std::string(r.message));
  }
}

}  // namespace

std::string show(const value& v) { return v.text.empty() ? "none" : v.text; }

std::string show(const failure& f) {
  if (const auto* first = f.get_if<first_error>()) {
    return "first(" + std::to_string(first->index()) + " " + show(first->sub_failure()) + ")";
  }
  if (const auto* group = f.get_if<failure_group>()) {
    std::string text;
    for (const failure& each : group->failures()) text += (text.empty() ? "group(" : ",") + show(each);
    return text + ")";
  }
  return show_type(f.type_name(), f.message());
}

void watch_log() { log::set_sink(note); }

std::vector<std::string> take_logged() {
  std::ranges::sort(logged);
  return std::exchange(logged, {});
}

void machine::say(const std::string& text) {
  ++events_;
  out_ += text;
  out_ += '\n';
}

void machine::collect() {
  for (const auto& line : take_logged()) say(line);
}

bool machine::idle() const { return closing_ || events_ >= most_events || running_.size() > deepest; }

void machine::act(const program_body& body, node n) {
  running_.push_back(n);
  for (const operation& op : body.operations) {
    if (!idle()) execute(op);
  }
  running_.pop_back();
}

std::exception_ptr machine::new_error(int kind) {
  switch (++serial_; kind) {
    case 0:
      return std::make_exception_ptr(error_of_kind<0>(serial_));
    case 1:
      return std::make_exception_ptr(error_of_kind<1>(serial_));
    default:
      return std::make_exception_ptr(error_of_kind<2>(serial_));
  }
}

task<> machine::run(testing::clock& clock) {
  for (const operation& op : program_.main) {
    if (op.front() == "advance") {
      for (int seconds = std::stoi(op[1]); seconds > 0; --seconds) co_await clock.advance(1s);
    } else if (op.front() == "jump") {
      co_await clock.jump(std::chrono::seconds(std::stoi(op[1])));
    } else {
      execute(op);
    }
    co_await settle(clock);
    busy_.clear();
  }
  closing_ = true;
  co_await close(clock);
}

// Calls that need no time would wait for the next turns otherwise.
task<> machine::settle(testing::clock& clock) {
  if (timed_) {
    co_await clock.advance(0s);
  } else {
    co_await clock.settle();
  }
}

// The order is that of the oracle.
task<> machine::close(testing::clock& clock) {
  for (auto& [number, l] : loops_) {
    if (l == nullptr || !is_running(*l)) continue;
    const operation stop{"loop_stop", std::to_string(number)};
    execute(stop);
    co_await settle(clock);
  }
  for (auto& [slot, count] : pauses_) {
    const operation unpause{"unpause", std::to_string(slot)};
    while (count > 0) {
      execute(unpause);
      co_await settle(clock);
    }
  }
  while (!sources_.empty()) {
    abandon(sources_.begin()->first);
    co_await settle(clock);
  }
  for (auto& [number, waited_for] : primitives_) {
    while (let_one_go(waited_for)) co_await settle(clock);
  }
  for (auto& [number, w] : works_) {
    const operation resume{"work_resume", std::to_string(number)};
    while (w.pauses > 0) {
      execute(resume);
      co_await settle(clock);
    }
  }
  for (auto& [number, c] : cooperators_) {
    if (c->running()) continue;
    c->start();
    co_await settle(clock);
  }
  while (scheduler::current().stats().timers != 0) co_await clock.jump(10s);
  while (!handles_.empty()) {
    const node slot = handles_.begin()->first;
    deferred<value> d = std::move(handles_.begin()->second);
    handles_.erase(slot);
    d.add_both([this, slot](auto given) {
      say("end " + std::to_string(slot) + " " + show(given));
      return given;
    });
    co_await settle(clock);
  }
  works_.clear();
  collect();
}

task<value> machine::script(int number, node n) {
  const program_body& body = program_.coroutines.at(static_cast<std::size_t>(number));
  const std::string name = n < first_anonymous ? std::to_string(n) : "x" + std::to_string(n - first_anonymous);
  struct end_mark {
    machine& m;
    const std::string& name;
    end_mark(machine& of, const std::string& what) noexcept : m(of), name(what) {}
    end_mark(const end_mark&) = delete;
    end_mark& operator=(const end_mark&) = delete;
    ~end_mark() { m.say(name + " ends"); }
  };

  say(name + " begins " + std::to_string(number));
  const end_mark mark(*this, name);
  value last;
  std::exception_ptr caught;
  for (const operation& op : body.operations) {
    if (idle()) continue;
    const bool catches = op.front() == "try";
    if (!catches && op.front() != "await") {
      execute(op);
      continue;
    }
    std::optional<deferred<value>> awaited;
    try {
      awaited.emplace(take(op[1], n, true));
    } catch (const skip&) {
      continue;
    }
    caught = nullptr;
    try {
      last = co_await std::move(*awaited);
    } catch (...) {
      caught = std::current_exception();
    }
    if (caught && !catches) std::rethrow_exception(caught);
    say(name + " has " + (caught ? show(failure(caught)) : show(last)));
  }
  if (body.outcome.starts_with("raise")) std::rethrow_exception(new_error(body.outcome.substr(5)));
  if (body.outcome == "none") co_return value();
  if (body.outcome.starts_with("v")) co_return value(body.outcome.substr(1));
  if (caught) std::rethrow_exception(caught);
  co_return last;
}

}  // namespace wring::tests
