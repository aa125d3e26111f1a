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

std::unique_ptr<engine> make_automatic(const engine_options& options) {
  std::unique_lock lock(deciding);
  if (std::exchange(decided.by, ::getpid()) != ::getpid()) decided.kind = engine_kind::automatic;
  if (decided.kind != engine_kind::epoll) {
    try {
      auto made = std::make_unique<uring_engine>(options);
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
  return std::make_unique<epoll_engine>(options);
}

}  // namespace

std::unique_ptr<engine> make_engine(const engine_options& options) {
  detail::open_standard_descriptors();
  switch (wanted(options)) {
    case engine_kind::io_uring:
      return std::make_unique<uring_engine>(options);
    case engine_kind::epoll:
      return std::make_unique<epoll_engine>(options);
    case engine_kind::simulation:
      return detail::make_simulated_engine(options);
    default:
      return make_automatic(options);
  }
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
