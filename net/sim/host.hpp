// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/main_flow.hpp>
#include <wring/core/run.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::sim {

namespace detail {
class program;
}

/// A host of a `world`: a program with a scheduler of its own, addresses and clocks. Made by `world::host`, and lives
/// as long as the world.
class WRING_API host {
 public:
  host(const host&) = delete;
  host& operator=(const host&) = delete;

  /// Runs `main(args...)`, a task, as `wring::run` does: it begins when the world runs next. Arguments are passed by
  /// value; std::ref passes a reference. An exception that escapes from it ends the world's run, which throws it.
  /// Throws std::logic_error if a program of this host has not ended yet.
  template <class Main, class... Args>
    requires(!std::same_as<std::remove_cvref_t<Main>, run_options>)
  void run(Main&& main, Args&&... args) {
    run(run_options(), std::forward<Main>(main), std::forward<Args>(args)...);
  }
  /// The same with options: `scheduler` and `grace` are heeded, signals are `signal`'s.
  template <class Main, class... Args>
  void run(const run_options& options, Main&& main, Args&&... args) {
    struct factory final : wring::detail::main_factory {
      std::tuple<Main&, Args&...> parts;
      explicit factory(Main& m, Args&... as) : parts(m, as...) {}
      std::unique_ptr<wring::detail::main_flow> make(scheduler& s) override {
        return std::apply(
            [&](Main& m, Args&... as) -> std::unique_ptr<wring::detail::main_flow> {
              return std::make_unique<
                  wring::detail::main_of<std::decay_t<Main>, wring::detail::stored_argument<Args>...>>(
                  s, std::forward<Main>(m), std::forward<Args>(as)...);
            },
            parts);
      }
    };
    factory f(main, args...);
    start(options, f);
  }

  /// Whether a program runs.
  [[nodiscard]] bool running() const noexcept;
  /// What the latest program has ended with; none while it runs, and before the first one.
  [[nodiscard]] std::optional<int> exit_code() const noexcept;

  /// Asks the program to stop, as SIGTERM does.
  void request_stop();
  /// Sends a signal: to the program's `signals` object, if it has one for that. Otherwise SIGINT and SIGTERM ask it to
  /// stop; others are ignored.
  void signal(int number);

  [[nodiscard]] std::string_view name() const noexcept;
  /// Its address in the world's network. Within the host, 127.0.0.1 and ::1 are its own, too.
  [[nodiscard]] net::ip_address v4() const noexcept;
  [[nodiscard]] net::ip_address v6() const noexcept;

  /// Moves its time of day by this much from the world's.
  void skew_clock(duration by) noexcept;
  /// Its clocks run faster by this many millionths, or slower; from -500,000 to 500,000. Throws std::invalid_argument
  /// beyond, and std::logic_error while a program runs.
  void drift_clock(int per_million);
  /// The most descriptors it may have open: opening more fails with EMFILE. 65,536 by default.
  void limit_descriptors(std::size_t most) noexcept;

 private:
  friend class world;
  explicit host(std::unique_ptr<detail::program> p) noexcept;
  ~host();

  void start(const run_options& options, wring::detail::main_factory& factory);

  std::unique_ptr<detail::program> program_;
};

}  // namespace wring::sim
