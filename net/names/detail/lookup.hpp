// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/engine/name_lookup.hpp>
#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/result.hpp>
#include <wring/core/task.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

using ask_system = wring::detail::name_answer (*)(const wring::detail::name_request&);

/// A question that the system is being asked, for any number of tasks. Shared by these and the task that asks.
class WRING_API lookup {
  class progress_wait;

 public:
  explicit lookup(wring::detail::name_request asked) : request_(std::move(asked)) {}
  lookup(const lookup&) = delete;
  lookup& operator=(const lookup&) = delete;

  [[nodiscard]] const wring::detail::name_request& request() const noexcept { return request_; }
  /// What is known, in the order in which it became known. Without a port if it was asked for no service.
  [[nodiscard]] std::span<const socket_address> parts() const noexcept { return parts_; }
  /// When it has ended: the same in the system's order; or why there is nothing.
  [[nodiscard]] std::span<const socket_address> all() const noexcept { return all_.empty() ? parts_ : all_; }
  [[nodiscard]] const std::optional<error>& fault() const noexcept { return fault_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Waits until more than `seen` parts are known, or it has ended. Returning.
  [[nodiscard]] auto progress(std::size_t seen) noexcept { return progress_wait(*this, seen); }

  /// Begins to ask, in a task of the scheduler's root nursery: no single task that waits owns it.
  void start(const std::shared_ptr<lookup>& self, ask_system ask, duration hedge_delay);
  /// A task begins to wait for the answer.
  void join() noexcept { ++users_; }
  /// It has ceased to. True if it was the last: then the lookup is cancelled.
  [[nodiscard]] bool leave() noexcept {
    if (--users_ != 0) return false;
    asking_.cancel();
    return true;
  }

 private:
  class progress_wait final : public wring::detail::listed_wait<progress_wait> {
   public:
    progress_wait(lookup& l, std::size_t seen) noexcept : lookup_(&l), seen_(seen) {}
    bool ready() noexcept { return lookup_->ended_ || lookup_->parts_.size() > seen_; }
    void suspend() noexcept { lookup_->waiting_.push(*this); }
    void take() noexcept {}
    wait_description describe() const noexcept override {
      return {.operation = "look up", .address = error_address::from_text(lookup_->request_.host)};
    }
    void wake() noexcept { complete(); }

   private:
    lookup* lookup_;
    std::size_t seen_;
  };

  /// What the asking task owns, even if it is cancelled before it begins: when it is destroyed, no task may continue to
  /// wait.
  class asker {
   public:
    explicit asker(std::shared_ptr<lookup> l) noexcept : lookup_(std::move(l)) {}
    asker(asker&&) noexcept = default;
    asker& operator=(asker&&) = delete;
    ~asker() {
      if (lookup_ != nullptr && !lookup_->ended_) lookup_->end_unanswered();
    }
    lookup& operator*() const noexcept { return *lookup_; }

   private:
    std::shared_ptr<lookup> lookup_;
  };

  static task<> run(asker owner, ask_system ask, duration hedge_delay);
  task<result<wring::detail::name_answer>> answer(ask_system ask, int family);
  void add(std::span<const socket_address> found);
  void end(const std::optional<error>& fault) noexcept;
  void end_unanswered() noexcept;
  void wake() noexcept;

  wring::detail::name_request request_;
  std::vector<socket_address> parts_;
  std::vector<socket_address> all_;
  std::optional<error> fault_;
  bool ended_ = false;
  std::size_t users_ = 0;
  wring::detail::wait_list<progress_wait> waiting_;
  child_handle asking_;
};

}  // namespace wring::net::detail
