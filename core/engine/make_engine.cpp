// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/process/standard_descriptors.hpp>
#include <wring/core/engine/epoll_engine.hpp>
#include <wring/core/engine/failing_engine.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/engine/uring_engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/log.hpp>

namespace wring {

namespace {

using detail::epoll_engine;
using detail::uring_engine;

/// What has been found out about io_uring, by this process: what a fork inherits may not hold for it.
struct decision {
  engine_kind kind = engine_kind::automatic;
  std::string refusal;
  ::pid_t by = 0;
};
std::mutex deciding;
decision decided;

/// What the environment asks for; null if it does not say.
const char* wish() noexcept {
  const char* const text = std::getenv("WRING_ENGINE");
  return text != nullptr && *text != '\0' ? text : nullptr;
}

engine_kind wanted(const engine_options& options) {
  const char* const text = wish();
  if (text == nullptr) return options.kind;
  const std::string_view name = text;
  if (name == "auto") return engine_kind::automatic;
  if (name == "io_uring") return engine_kind::io_uring;
  if (name == "epoll") return engine_kind::epoll;
  if (name == "sim") return engine_kind::simulation;
  throw std::invalid_argument(
      fmt::format("WRING_ENGINE is '{}', which is no engine: set it to auto, io_uring, epoll or sim", name));
}

// Not what the process or the system has run out of: that would come back to haunt epoll.
bool is_refusal(const std::error_code& code) noexcept {
  return code == std::errc::function_not_supported || code == std::errc::operation_not_permitted ||
         code == std::errc::permission_denied || code == std::errc::invalid_argument;
}

template <class Engine>
std::unique_ptr<engine> make(const engine_options& options, engine_faults* faults) {
  if (faults != nullptr) return std::make_unique<detail::failing_engine<Engine>>(*faults, options);
  return std::make_unique<Engine>(options);
}

std::unique_ptr<engine> make_automatic(const engine_options& options, engine_faults* faults) {
  std::unique_lock lock(deciding);
  if (std::exchange(decided.by, ::getpid()) != ::getpid()) decided.kind = engine_kind::automatic;
  if (decided.kind != engine_kind::epoll) {
    try {
      auto made = make<uring_engine>(options, faults);
      decided.kind = engine_kind::io_uring;
      return made;
    } catch (const io_error& e) {
      if (decided.kind == engine_kind::io_uring || !is_refusal(e.code())) throw;
      decided.kind = engine_kind::epoll;
      decided.refusal = e.what();
      lock.unlock();
      log::warn("running on epoll: {}", e.what());
    }
  }
  return make<epoll_engine>(options, faults);
}

std::unique_ptr<engine> make_wanted(const engine_options& options, engine_faults* faults) {
  detail::open_standard_descriptors();
  switch (wanted(options)) {
    case engine_kind::io_uring:
      return make<uring_engine>(options, faults);
    case engine_kind::epoll:
      return make<epoll_engine>(options, faults);
    case engine_kind::simulation:
      return detail::make_simulated_engine(options, faults);
    default:
      return make_automatic(options, faults);
  }
}

}  // namespace

engine_faults::~engine_faults() = default;

std::unique_ptr<engine> make_engine(const engine_options& options) { return make_wanted(options, nullptr); }

std::unique_ptr<engine> make_failing_engine(const engine_options& options, engine_faults& faults) {
  return make_wanted(options, &faults);
}

std::string detail::explain_choice(const engine_options& options) {
  const engine_kind kind = wanted(options);
  const char* const text = wish();
  if (kind != engine_kind::automatic) {
    return text != nullptr ? fmt::format("WRING_ENGINE={}", text) : "the program's scheduler_options";
  }
  const std::lock_guard lock(deciding);
  if (decided.kind == engine_kind::epoll) return fmt::format("automatic; {}", decided.refusal);
  return "automatic; a ring could be made";
}

}  // namespace wring
