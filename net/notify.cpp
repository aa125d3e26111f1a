// SPDX-License-Identifier: MIT
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/notify.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "notify the supervisor at";

bool send(std::string text) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || *name == '\0') return false;
  const std::string_view path(name);
  const socket_address to =
      path.starts_with('@') ? socket_address::from_abstract_name(path.substr(1)) : socket_address::from_path(path);
  engine& e = scheduler::current().engine();
  const descriptor fd = detail::make_socket(e, to, SOCK_DGRAM, what);
  ::iovec part{text.data(), text.size()};
  ::msghdr message{};
  message.msg_name = const_cast<::sockaddr*>(to.data());
  message.msg_namelen = to.size();
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (const auto r = e.attempt_send(fd.get(), message); r < 0) error::from_errno(-r, what).with_address(to).raise();
  return true;
}

/// A line break would begin another assignment.
std::string status_line(std::string_view status) {
  std::string line(status.substr(0, status.find('\n')));
  return line.empty() ? line : "STATUS=" + line + '\n';
}

std::optional<std::uint64_t> number_in_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  const std::string_view text(value);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool notify(service_state state, std::string_view status) {
  std::string text = status_line(status);
  switch (state) {
    case service_state::ready:
      text += "READY=1";
      break;
    case service_state::reloading:
      // By the time it knows which reload it is, and what has happened since.
      text += fmt::format("RELOADING=1\nMONOTONIC_USEC={}", scheduler::current().engine().now() / 1000);
      break;
    case service_state::stopping:
      text += "STOPPING=1";
      break;
    case service_state::watchdog:
      text += "WATCHDOG=1";
      break;
  }
  return send(std::move(text));
}

bool notify(std::string_view status) { return send(status_line(status)); }

std::optional<duration> watchdog_interval() {
  const auto process = number_in_environment("WATCHDOG_PID");
  if (process && *process != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  const auto microseconds = number_in_environment("WATCHDOG_USEC");
  constexpr std::uint64_t most = 1'000'000ULL * 60 * 60 * 24 * 365;
  if (!microseconds || *microseconds == 0 || *microseconds > most) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(*microseconds));
}

}  // namespace wring::net
