// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/scheduling/end_of_turn.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/net/detail/queued_write.hpp>
#include <wring/net/detail/send_side.hpp>

namespace wring::net::detail {

/// Posted bytes in the queue of a socket's sending side. If nothing is queued before them, they have the turn from the
/// start, so that later writes do not overtake them, and are sent at the end of the scheduler's turn: with what is
/// posted until then. What there is no room for waits for it with a poll, as the writes of tasks do.
class socket_queued_write final : public queued_write::entry, public send_entry, operation, wring::detail::end_of_turn {
 public:
  socket_queued_write(send_side& s, queued_write& posted) noexcept;

  void withdraw() noexcept override;
  [[nodiscard]] bool followed() const noexcept override {
    return phase_ == phase::waits ? wait_link::next != nullptr : socket_.has_queued_sends();
  }

  static const send_entry::functions as_entry;

 private:
  enum class phase : std::uint8_t {
    waits,  ///< for its turn
    held,   ///< has it, up to the end of the scheduler's turn
    sends,  ///< batched with others
    polls,  ///< waits for room
  };

  static bool send(send_entry& entry) noexcept;
  static void refuse(send_entry& entry) noexcept { static_cast<socket_queued_write&>(entry).end(); }
  static bool interrupt(send_entry& entry) noexcept;

  void begin() noexcept;
  [[nodiscard]] bool submit_batched() noexcept;
  void batched_send_ended(completion c) noexcept;
  void wait_for_room() noexcept;
  void room_found(completion c) noexcept;
  void go_on() noexcept;
  /// Takes the outcome of a send of `offered` bytes. True: there may be room for more.
  [[nodiscard]] bool sent(std::int32_t outcome, std::size_t offered) noexcept;
  [[nodiscard]] bool ending() const noexcept { return withdrawn_ || socket_.closing(); }
  [[nodiscard]] bool has_more() noexcept;
  void give_up() noexcept;
  void finish() noexcept;
  void end() noexcept;

  send_side& socket_;
  queued_write& posted_;
  std::uint64_t sent_ = 0;
  int errno_ = 0;
  phase phase_ = phase::waits;
  bool withdrawn_ = false;
};

}  // namespace wring::net::detail
