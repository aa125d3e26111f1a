// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

#include <wring/core/detail/flows/grace_timer.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/sim/detail/machine.hpp>

namespace wring::sim::detail {

class sim_engine;

/// A machine and what runs on it.
class program final : public machine {
 public:
  using machine::machine;
  ~program() override;

  void start(const run_options& options, wring::detail::main_factory& factory);
  void step() override;
  void request_stop();
  void raise(int signal);
  /// Cancels it, wherever it is.
  void cancel();

  [[nodiscard]] bool running() const noexcept { return home_ != nullptr; }
  [[nodiscard]] scheduler* home() const noexcept { return home_.get(); }
  [[nodiscard]] std::optional<int> exit_code() const noexcept { return exit_code_; }
  /// What its main has thrown.
  [[nodiscard]] std::exception_ptr take_failure() noexcept { return std::exchange(failure_, nullptr); }

 private:
  void finish();

  std::unique_ptr<scheduler> home_;
  sim_engine* simulated_ = nullptr;  // its engine
  std::unique_ptr<wring::detail::main_flow> main_;
  std::optional<wring::detail::grace_timer> grace_;
  std::uint64_t resumptions_ = 0;
  bool stepping_ = false;
  bool ending_ = false;
  std::optional<int> exit_code_;
  std::exception_ptr failure_;
};

}  // namespace wring::sim::detail
