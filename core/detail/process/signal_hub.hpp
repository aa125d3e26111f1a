// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <wring/core/detail/export.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// A set of signals: bit n - 1 stands for signal n, of which the kernel has 64.
using signal_bits = std::uint64_t;
[[nodiscard]] constexpr signal_bits signal_bit(int number) noexcept { return signal_bits{1} << (number - 1); }

/// What the process's signal handler gives signals to: a `signals` object, which keeps them until they are taken, or
/// something that `run` does at once.
struct signal_receiver {
  /// Runs in the handler, on any thread, and on several.
  using action = void (*)(int number) noexcept;

  /// Without `what` they are kept.
  explicit constexpr signal_receiver(signal_bits of, action what = nullptr) noexcept : set(of), act(what) {}

  const signal_bits set;
  const action act;
  std::atomic<signal_bits> arrived = 0;       ///< and not taken yet
  std::atomic<scheduler*> wanting = nullptr;  ///< told of what arrives: tasks of it wait
};

/// The process's one reader of signals, those that `signals` objects name and those that `run` acts on: a handler,
/// which the kernel may run on any thread, gives each signal to every receiver that wants it. So it does not matter
/// which threads block the signal, as long as one does not.
class WRING_API signal_hub {
 public:
  /// Handles the receiver's signals from now on. Throws std::length_error beyond 1024 receivers. Any thread.
  static void add(signal_receiver& r);
  /// No handler refers to it afterwards. Signals that have no other receiver get back the disposition they had; returns
  /// those of them that came and were taken by nobody, nor acted on. Any thread.
  static signal_bits remove(signal_receiver& r) noexcept;
  /// What happens to a signal when it has no receiver: SIG_DFL, SIG_IGN, or a handler of the program's. Any thread.
  [[nodiscard]] static auto disposition_without(int number) -> void (*)(int);

  /// Takes the lowest signal that has arrived: its number, or 0.
  [[nodiscard]] static int take(signal_receiver& r) noexcept;
  /// From now on what arrives is told to `s`; null: to nobody, and no handler refers to the one before.
  static void tell(signal_receiver& r, scheduler* s) noexcept;
};

}  // namespace wring::detail
