// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/end_of_turn.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>
#include <wring/core/sync/condition.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/task.hpp>

namespace wring::net::tls::detail {

/// Gives the handshakes of a scheduler a part of each of its turns, so that the connections that exist do not wait
/// while hundreds of new ones come at once: a step computes for a tenth of a millisecond or more. When the part is used
/// up, further steps wait for the next turn, in order of arrival.
class WRING_API handshake_pace final : public wring::detail::scheduler_service {
 public:
  static constexpr char key = 0;
  /// A turn ends for handshakes when their steps have taken so long, or were so many: the step that exceeds it is done.
  /// The number is for simulated time, which does not pass while something computes.
  static constexpr std::int64_t most_time = 1'000'000;  // in nanoseconds
  static constexpr unsigned most_steps = 8;

  explicit handshake_pace(scheduler& s) noexcept;
  ~handshake_pace() override;

  /// The time from `next` to `done`, in which nothing else may be awaited.
  class WRING_API step {
   public:
    step() noexcept = default;
    step(step&& other) noexcept
        : pace_(std::exchange(other.pace_, nullptr)), turn_(std::move(other.turn_)), begun_(other.begun_) {}
    step& operator=(step&&) = delete;
    ~step() { done(); }
    void done() noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return pace_ != nullptr; }

   private:
    friend class handshake_pace;
    step(handshake_pace& pace, mutex::guard turn) noexcept;

    handshake_pace* pace_ = nullptr;
    mutex::guard turn_;
    std::int64_t begun_ = 0;
  };

  /// Waits until there is time for a step. Returning: cancelled, it has taken nothing.
  [[nodiscard]] task<step> next();

 private:
  [[nodiscard]] bool deliver(std::size_t) noexcept override { return false; }
  [[nodiscard]] bool drop() noexcept override { return false; }
  void close() noexcept override {}

  struct turn_end final : wring::detail::end_of_turn {
    explicit turn_end(handshake_pace& p) noexcept;
    handshake_pace& pace;
  };

  scheduler& scheduler_;
  mutex computing_;
  condition turn_over_;  // the one that holds the mutex waits for it
  turn_end end_{*this};
  std::int64_t spent_ = 0;  // in this turn
  unsigned steps_ = 0;
};

}  // namespace wring::net::tls::detail
