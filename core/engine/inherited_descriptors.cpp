// SPDX-License-Identifier: MIT
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/core/engine/inherited_descriptors.hpp>
#include <wring/core/error.hpp>

namespace wring::detail {

namespace {

constexpr int first = 3;      // SD_LISTEN_FDS_START
constexpr int most = 65'536;  // more than any process is given: the variable is wrong

std::optional<std::string> take_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string taken(value);
  ::unsetenv(name);
  return taken;
}

int number_in(const std::string& text, const char* name, int largest) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc() || parsed != end || number < 0 || number > largest) {
    throw std::runtime_error(
        fmt::format("inherited_sockets: the environment variable {} is \"{}\": expected a number "
                    "from 0 to {}",
                    name, text, largest));
  }
  return number;
}

inherited_descriptor described(int fd, std::string_view name) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags < 0 || ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) {
    throw std::runtime_error(fmt::format("inherited_sockets: LISTEN_FDS promises descriptor {}, which is not open: {}",
                                         fd, std::generic_category().message(errno)));
  }
  inherited_descriptor found{.fd = fd, .name = std::string(name), .socket_type = 0, .listens = false};
  int value = 0;
  ::socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) != 0) return found;
  found.socket_type = value;
  size = sizeof value;
  found.listens = ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
  size = sizeof found.address;
  if (::getsockname(fd, reinterpret_cast<::sockaddr*>(found.address.data()), &size) == 0) found.address_size = size;
  return found;
}

}  // namespace

std::vector<inherited_descriptor> take_inherited_descriptors() {
  const auto process = take_variable("LISTEN_PID");
  const auto count = take_variable("LISTEN_FDS");
  const auto names = take_variable("LISTEN_FDNAMES");
  std::vector<inherited_descriptor> all;
  if (!process || !count) return all;
  // They were meant for the process that has started this one.
  if (number_in(*process, "LISTEN_PID", std::numeric_limits<int>::max()) != ::getpid()) return all;
  std::string_view rest = names ? std::string_view(*names) : std::string_view();
  const int end = first + number_in(*count, "LISTEN_FDS", most);
  for (int fd = first; fd != end; ++fd) {
    const std::size_t colon = rest.find(':');
    const std::string_view name = rest.substr(0, colon);
    all.push_back(described(fd, name.empty() ? "unknown" : name));  // systemd's word for it
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return all;
}

}  // namespace wring::detail
