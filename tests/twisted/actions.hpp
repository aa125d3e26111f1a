// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include <wring/core/callback/start_deferred.hpp>

#include "machine.hpp"

namespace wring::tests {

/// An action as a callable: `action(machine, node, given)`. There is one type for what each returns.
struct machine::any_action {
  const program_body* body;

  void operate(machine& m, node n) const { m.act(*body, n); }
  [[nodiscard]] std::string argument(std::size_t at) const { return body->outcome.substr(at); }
};

struct machine::action_value : any_action {
  template <class Given>
  value operator()(machine& m, node n, const Given&) const {
    operate(m, n);
    if (body->outcome.starts_with("raise")) std::rethrow_exception(m.new_error(argument(5)));
    return body->outcome == "none" ? value() : value(argument(1));
  }
};

struct machine::action_same : any_action {
  template <class Given>
  Given operator()(machine& m, node n, Given given) const {
    operate(m, n);
    return given;
  }
};

struct machine::action_failure : any_action {
  template <class Given>
  failure operator()(machine& m, node n, const Given&) const {
    operate(m, n);
    return failure(m.new_error(argument(4)));
  }
};

struct machine::action_deferred : any_action {
  bool passed_on = true;

  template <class Given>
  deferred<value> operator()(machine& m, node n, Given given) const {
    operate(m, n);
    if (body->outcome.starts_with("after")) return m.after(argument(5));
    try {
      return m.take(argument(1), n, passed_on);
    } catch (const skip&) {
    }
    if constexpr (std::is_same_v<Given, failure>) {
      return fail<value>(std::move(given));
    } else {
      return succeed(std::move(given));
    }
  }
};

struct machine::action_task : any_action {
  template <class Given>
  task<value> operator()(machine& m, node n, const Given&) const {
    operate(m, n);
    m.busy_.insert(n);
    return m.script(std::stoi(argument(2)), m.new_node(n));
  }
};

struct machine::action_trap : any_action {
  value operator()(machine& m, node n, value given) const {
    operate(m, n);
    return given;
  }
  value operator()(machine& m, node n, const failure& given) const {
    operate(m, n);
    switch (body->outcome.back()) {
      case 'c':
        given.trap<cancelled_error>();
        break;
      case '0':
        given.trap<error_of_kind<0>>();
        break;
      case '1':
        given.trap<error_of_kind<1>>();
        break;
      default:
        given.trap<error_of_kind<2>>();
        break;
    }
    return value("0");
  }
};

template <class Fn>
void machine::with_action(const std::string& number, Fn fn) {
  const program_body& body = program_.actions.at(std::stoul(number));
  const std::string& outcome = body.outcome;
  if (outcome == "same") {
    fn(action_same{{&body}});
  } else if (outcome.starts_with("trap")) {
    fn(action_trap{{&body}});
  } else if (outcome.starts_with("fail")) {
    fn(action_failure{{&body}});
  } else if (outcome.starts_with("co")) {
    fn(action_task{{&body}});
  } else if (outcome.starts_with("d") || outcome.starts_with("after")) {
    fn(action_deferred{{&body}});
  } else {
    fn(action_value{{&body}});
  }
}

template <class Fn>
void machine::with_callback(const std::string& slot, const std::string& number, Fn fn) {
  const node n = std::stoi(slot);
  const int addition = ++additions_[n];
  with_action(number, [&](auto action) {
    fn([this, n, addition, number, action](auto given) {
      say(std::to_string(n) + "." + std::to_string(addition) + " " + number + ": " + show(given));
      return action(*this, n, std::move(given));
    });
  });
}

}  // namespace wring::tests
