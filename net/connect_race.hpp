// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/result.hpp>
#include <wring/core/task.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/attempts_failed.hpp>
#include <wring/net/detail/race_pace.hpp>

namespace wring::net {

/// Timing of a connect_race.
struct connect_race_options {
  /// From the beginning of one attempt to that of the next, if none fails in between; 100 ms to 2 s is sensible. Zero
  /// or less: all begin at once; `forever`: the next begins only when one has failed.
  duration attempt_delay = std::chrono::milliseconds(250);
};
static_assert(std::is_trivially_destructible_v<connect_race_options>);

/// The state of an attempt to connect.
enum class attempt_state : std::uint8_t {
  running,    ///< it has not ended
  connected,  ///< it has won
  failed,
  overtaken,  ///< another was faster, or the race was cancelled: it was cancelled and closed
};

/// One attempt of a connect_race.
template <class Candidate>
struct connect_attempt {
  Candidate candidate;
  duration started = {};  ///< since the race began
  duration ended = {};    ///< the same; of a running one zero
  attempt_state state = attempt_state::running;
  std::optional<error> fault = {};  ///< why it failed
};

namespace detail {
template <class Connect, class Candidate>
using connection_of = typename std::decay_t<std::invoke_result_t<Connect&, const Candidate&>>::value_type;
}

/// Connects to the first of several candidates (addresses, proxies, hosts) that answers, as in RFC 8305 ("Happy
/// Eyeballs"):
///
///     net::connect_race<net::socket_address> race(addresses);
///     net::tcp_stream server = co_await race.run([](const net::socket_address& a) { return net::connect_tcp(a); });
///
/// The attempts begin in the order of the candidates, each `attempt_delay` after the one before it, or as soon as one
/// fails, in its place. None is ended by the beginning of the next. The first that succeeds wins; the others are
/// cancelled, and have ended when `run` returns. One that succeeds nevertheless is closed. Candidates may be added
/// while it runs.
///
/// It must outlive `run`. One thread.
template <std::copyable Candidate>
class connect_race {
 public:
  explicit connect_race(std::vector<Candidate> candidates = {}, const connect_race_options& options = {})
      : untried_(std::move(candidates)), pace_(options.attempt_delay) {}
  connect_race(const connect_race&) = delete;
  connect_race& operator=(const connect_race&) = delete;

  /// Adds a candidate after those that were not tried yet.
  void add(Candidate next) {
    untried_.push_back(std::move(next));
    pace_.wake();
  }

  /// Replaces the candidates that were not tried yet by these, in this order.
  void arrange(std::vector<Candidate> order) noexcept {
    untried_ = std::move(order);
    pace_.wake();
  }

  /// Sets whether candidates will still be added (false at first): then `run` waits for them when all others have
  /// failed.
  void expect_more(bool more) noexcept {
    more_expected_ = more;
    pace_.wake();
  }

  /// The candidates that were not tried yet. Valid until one is added or tried.
  [[nodiscard]] std::span<const Candidate> untried() const noexcept { return untried_; }

  /// The attempts, in the order in which they began. Valid until the next attempt begins.
  [[nodiscard]] std::span<const connect_attempt<Candidate>> attempts() const noexcept { return attempts_; }

  /// Runs the race and returns the winner's value. `connect(candidate)` makes an awaitable that connects, with
  /// `.result()`. A fault (io_error) fails the attempt; any other exception ends the race and is thrown. Delivering: a
  /// winner is returned even if the task has been cancelled meanwhile.
  ///
  /// Throws io_error if all have failed: with the code of the first one's fault, and a text that names each.
  /// EDESTADDRREQ if there was no candidate. Throws std::logic_error if it has been run before.
  template <class Connect>
  auto run(Connect connect) -> task<detail::connection_of<Connect, Candidate>> {
    wring::detail::assert_safe_callable<Connect>();
    if (std::exchange(run_, true)) throw std::logic_error("a connect_race can be run once");
    const all_ended at_the_end{*this};
    std::optional<detail::connection_of<Connect, Candidate>> winner;
    nursery attempts;
    auto try_one = [&](std::size_t number) -> task<> {
      const attempt_ended at_its_end{*this, number};
      const Candidate candidate = attempts_[number].candidate;
      auto outcome = co_await connect(candidate).result();
      if (!outcome) {
        attempts_[number].state = attempt_state::failed;
        attempts_[number].fault = outcome.error();
        pace_.failed(!untried_.empty());
      } else if (!winner) {
        attempts_[number].state = attempt_state::connected;
        winner.emplace(std::move(*outcome));
        attempts.cancel();
      }
    };
    auto begin_attempts = [&]() -> task<> {
      pace_.begin();
      while (!untried_.empty() || pace_.running() != 0 || more_expected_) {
        if (!untried_.empty() && pace_.may_start() && !this_task::cancelled()) {
          attempts.start(std::ref(try_one), note_attempt());
        } else {
          co_await move_on_after(untried_.empty() ? forever : pace_.rest(), pace_.change());
        }
      }
    };
    auto run_attempts = [&] { return attempts.run(std::ref(begin_attempts)); };
    auto ended = co_await wring::detail::capture<decltype(run_attempts)>(run_attempts);
    if (ended.failure) std::rethrow_exception(ended.failure);
    if (winner) co_return std::move(*winner);
    if (ended.cancelled()) co_await wring::detail::checkpoint();
    std::vector<error> faults;
    for (const auto& attempt : attempts_) {
      if (attempt.fault) faults.push_back(*attempt.fault);
    }
    detail::raise_attempts_failed(faults);
  }

 private:
  /// However the frame of an attempt has ended.
  struct attempt_ended {
    connect_race& race;
    std::size_t number;
    ~attempt_ended() {
      race.end_attempt(race.attempts_[number]);
      race.pace_.ended();
    }
  };
  /// However the race has ended: also for attempts that were cancelled before they began.
  struct all_ended {
    connect_race& race;
    ~all_ended() {
      for (auto& attempt : race.attempts_) {
        if (attempt.state == attempt_state::running) race.end_attempt(attempt);
      }
    }
  };

  std::size_t note_attempt() {
    attempts_.push_back({.candidate = untried_.front(), .started = pace_.elapsed()});
    untried_.erase(untried_.begin());
    pace_.started(!untried_.empty());
    return attempts_.size() - 1;
  }
  void end_attempt(connect_attempt<Candidate>& attempt) noexcept {
    attempt.ended = pace_.elapsed();
    if (attempt.state == attempt_state::running) attempt.state = attempt_state::overtaken;
  }

  std::vector<Candidate> untried_;
  std::vector<connect_attempt<Candidate>> attempts_;
  detail::race_pace pace_;
  bool more_expected_ = false;
  bool run_ = false;
};

}  // namespace wring::net
