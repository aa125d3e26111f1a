// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/scheduling/end_of_turn.hpp>
#include <wring/net/detail/memory_pipe.hpp>
#include <wring/net/detail/queued_write.hpp>

namespace wring::net::detail {

/// Posted bytes among the writers of a memory pipe: they have their place from the start, and are written from the end
/// of the scheduler's turn on.
class memory_queued_write final : public queued_write::entry, public memory_writer, wring::detail::end_of_turn {
 public:
  memory_queued_write(memory_pipe& p, queued_write& posted) noexcept;

  void withdraw() noexcept override;
  [[nodiscard]] bool followed() const noexcept override { return wait_link::next != nullptr; }

 private:
  bool is_task() const noexcept override { return false; }
  bool advance() noexcept override;
  void finish() noexcept override;

  memory_pipe& pipe_;
  queued_write& posted_;
  std::size_t sent_ = 0;
  bool held_ = true;
};

}  // namespace wring::net::detail
