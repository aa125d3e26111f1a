// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <wring/core/engine/engine.hpp>

namespace wring {

class engine_faults;

/// Makes the engine for this thread: the one that WRING_ENGINE names, or else `options`, or else io_uring if that works
/// here and epoll if it is refused. That is found out once for all threads, by making a ring as it will be used, and a
/// refusal is logged once. Descriptors 0 to 2 are opened first if they are closed.
///
/// Throws io_error with the cause and the cure where the kernel refuses what was asked for, or has run out of something
/// (which is no reason for another engine); std::invalid_argument if WRING_ENGINE names no engine.
[[nodiscard]] WRING_API std::unique_ptr<engine> make_engine(const engine_options& options);

/// The same, an engine some of whose calls fail, as `faults` says, which must outlive it: for tests.
[[nodiscard]] WRING_API std::unique_ptr<engine> make_failing_engine(const engine_options& options,
                                                                    engine_faults& faults);

namespace detail {

/// An engine whose scheduler is the only host of a world of its own. In net/sim, above what asks for it.
/// `faults`: see `make_failing_engine`; null: none.
[[nodiscard]] WRING_API std::unique_ptr<engine> make_simulated_engine(const engine_options& options,
                                                                      engine_faults* faults);

/// Why an engine made with `options` is the one it is, in a few words.
[[nodiscard]] WRING_API std::string explain_choice(const engine_options& options);

}  // namespace detail
}  // namespace wring
