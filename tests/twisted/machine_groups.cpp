// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred_list.hpp>
#include <wring/core/callback/gather_results.hpp>
#include <wring/core/callback/race.hpp>

#include "actions.hpp"
#include "machine.hpp"

namespace wring::tests {

namespace {

std::string show_results(const std::vector<deferred_result<value>>& results) {
  std::string text;
  for (const auto& result : results) {
    text += text.empty() ? "[" : ",";
    text += result.succeeded() ? "(yes," + show(*result.value) + ")" : "(no," + show(*result.error) + ")";
  }
  return (text.empty() ? "[" : text) + "]";
}

std::size_t limit(const std::string& text) { return text == "-" ? deferred_queue_options().size : std::stoul(text); }

}  // namespace

/// The deferreds that an operation names. Those that are kept go back when this goes.
struct machine::parts {
  parts(machine& of, arguments a, std::size_t first, node by, bool keep) : m(of) {
    for (std::size_t i = first; i < a.size(); ++i) {
      const node n = std::stoi(a[i]);
      try {
        if (keep) {
          m.handle(a[i]);
          if (m.never_.contains(n)) throw skip();
          deferreds.push_back(std::move(m.handle(a[i])));
          m.parents_[n].insert(by);
          kept.push_back(n);
        } else {
          deferreds.push_back(m.take(a[i], by, true));
        }
      } catch (const skip&) {
      }
    }
  }
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;
  ~parts() {
    for (std::size_t i = 0; i < kept.size(); ++i) m.keep(kept[i], std::move(deferreds[i]));
  }

  machine& m;
  std::vector<deferred<value>> deferreds;
  std::vector<node> kept;
};

void machine::op_list(arguments a) {
  const node n = claim(a[1]);
  const auto is_set = [&](char flag) { return a[2].find(flag) != std::string::npos; };
  const bool keep_parts = is_set('k');
  const deferred_list_options options{.fire_on_one_errback = is_set('e'), .consume_errors = is_set('s')};
  const auto show_all = [](const std::vector<deferred_result<value>>& results) { return value(show_results(results)); };
  const auto show_first = [](const first_result<value>& first) {
    return first.value ? value("(" + show(*first.value) + "," + std::to_string(first.index) + ")")
                       : value(show_results(first.all));
  };

  parts found(*this, a, 3, n, keep_parts);
  auto& ds = found.deferreds;
  if (!is_set('c')) {
    keep(n, (keep_parts ? deferred_list(ds, options) : deferred_list(std::move(ds), options)).add_callback(show_all));
    return;
  }
  if (ds.empty()) never_.insert(n);
  keep(n, (keep_parts ? deferred_list_first(ds, options) : deferred_list_first(std::move(ds), options))
              .add_callback(show_first));
}

void machine::op_gather(arguments a) {
  const node n = claim(a[1]);
  parts found(*this, a, 3, n, false);
  keep(n, gather_results(std::move(found.deferreds), a[2] == "s").add_callback([](const std::vector<value>& values) {
    std::string text;
    for (const auto& v : values) text += (text.empty() ? "[" : ",") + show(v);
    return value((text.empty() ? "[" : text) + "]");
  }));
}

void machine::op_race(arguments a) {
  const node n = claim(a[1]);
  parts found(*this, a, 2, n, false);
  if (found.deferreds.empty()) never_.insert(n);
  keep(n, race(std::move(found.deferreds)).add_callback([](const race_result<value>& won) {
    return value("(" + std::to_string(won.index) + "," + show(won.value) + ")");
  }));
}

int machine::claim_primitive(const std::string& number) const {
  if (primitives_.contains(std::stoi(number))) throw skip();
  return std::stoi(number);
}

template <class Fn>
void machine::with_lock(const std::string& number, Fn fn) {
  const auto found = primitives_.find(std::stoi(number));
  if (found == primitives_.end()) throw skip();
  if (auto* lock = std::get_if<std::unique_ptr<deferred_lock>>(&found->second)) return fn(**lock);
  if (auto* semaphore = std::get_if<std::unique_ptr<deferred_semaphore>>(&found->second)) return fn(**semaphore);
  throw skip();
}

deferred_queue<value>& machine::queue(const std::string& number) {
  const auto found = primitives_.find(std::stoi(number));
  if (found == primitives_.end()) throw skip();
  return *std::get<std::unique_ptr<deferred_queue<value>>>(found->second);
}

bool machine::let_one_go(primitive& p) {
  return std::visit(
      [](auto& waited_for) {
        if (waited_for->waiting() == 0) return false;
        if constexpr (requires { waited_for->release(); }) {
          waited_for->release();
        } else {
          waited_for->put(value("0"));
        }
        return true;
      },
      p);
}

void machine::op_lock(arguments a) { primitives_.emplace(claim_primitive(a[1]), std::make_unique<deferred_lock>()); }

void machine::op_sem(arguments a) {
  primitives_.emplace(claim_primitive(a[1]), std::make_unique<deferred_semaphore>(std::stoul(a[2])));
}

void machine::op_queue(arguments a) {
  const deferred_queue_options options{.size = limit(a[2]), .backlog = limit(a[3])};
  primitives_.emplace(claim_primitive(a[1]), std::make_unique<deferred_queue<value>>(options));
}

void machine::op_acquire(arguments a) {
  with_lock(a[2], [&](auto& lock) {
    const node n = claim(a[1]);
    keep(n, lock.acquire().add_callback([] { return value(); }));
  });
}

void machine::op_release(arguments a) {
  with_lock(a[1], [](auto& lock) { lock.release(); });
}

void machine::op_run(arguments a) {
  with_lock(a[2], [&](auto& lock) {
    const node n = claim(a[1]);
    with_action(a[3], [&](auto action) {
      keep(n, lock.run([this, n, action] {
        say("run " + std::to_string(n));
        if constexpr (std::is_same_v<decltype(action), action_failure>) {
          return fail<value>(action(*this, n, value()));
        } else {
          return action(*this, n, value());
        }
      }));
    });
  });
}

void machine::op_put(arguments a) { queue(a[1]).put(value(a[2])); }

void machine::op_get(arguments a) {
  auto& q = queue(a[2]);
  const node n = claim(a[1]);
  keep(n, q.get());
}

}  // namespace wring::tests
