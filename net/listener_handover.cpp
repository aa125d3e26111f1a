// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <span>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/listener_handover.hpp>
#include <wring/net/reader.hpp>

// What is said, in lines. The old process begins with `greeting`, sends a name for each socket, with the socket, and an
// empty line; when the new one serves, it says so, and the old one answers when it knows.

namespace wring::net {

namespace {

constexpr const char* taking = "take listeners from";
constexpr std::string_view greeting = "wring-handover 1";
constexpr std::string_view serves = "serves";
constexpr std::string_view knows = "known";
constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_line = 128;

const handover_options& checked(const handover_options& options) {
  if (options.timeout <= duration()) throw std::invalid_argument("handover_options::timeout is not above zero");
  return options;
}

/// Whether the process at the other end has the rights of this one, or more.
bool may_take_part(const unix_stream& peer) {
  const ::uid_t user = peer.peer_credentials().user;
  return user == 0 || user == ::geteuid();
}

task<> write_line(unix_stream& to, std::string_view line) {
  const std::string text = std::string(line) + '\n';
  co_await to.write_all(text);
}

/// The next line has to be this one.
task<> expect(reader& from, unix_stream& peer, std::string_view line) {
  const auto found = co_await from.read_line(longest_line);
  if (!found) error(errc::unexpected_eof, taking).with_address(peer.peer_address()).raise();
  if (*found != line) error::from_errno(EPROTO, taking).with_address(peer.peer_address()).raise();
}

/// Whether the other end is a listener_handover; false if it has ended before it said anything.
task<bool> is_greeted(reader& from, unix_stream& peer) {
  const auto found = co_await from.read_line(longest_line).result();
  if (!found && found.error() != std::errc::connection_reset) found.error().raise();
  if (!found || !*found) co_return false;
  if (**found != greeting) error::from_errno(EPROTO, taking).with_address(peer.peer_address()).raise();
  co_return true;
}

/// What has come under a name.
inherited_socket received(descriptor fd, std::string_view name, const socket_address& from) {
  engine& e = scheduler::current().engine();
  if (fd.get() < 0 || detail::option_of(e, fd.get(), SOL_SOCKET, SO_ACCEPTCONN) <= 0) {
    error::from_errno(EPROTO, taking).with_address(from).with_detail("it has sent what is no listening socket").raise();
  }
  const socket_address address = detail::local_address_of(e, fd.get());
  return {std::move(fd), std::string(name), inherited_kind::listener, address};
}

/// Nothing if the other end has ended before it said anything.
task<std::optional<std::vector<inherited_socket>>> receive_all(unix_stream& peer) {
  reader in(peer);
  std::vector<inherited_socket> all;
  const bool greeted = co_await is_greeted(in, peer);
  if (!greeted) co_return std::nullopt;
  for (;;) {
    const auto name = co_await in.read_line(longest_line);
    if (!name) error(errc::unexpected_eof, taking).with_address(peer.peer_address()).raise();
    if (name->empty()) co_return all;
    if (all.size() == listener_handover::most) {
      error::from_errno(EPROTO, taking).with_address(peer.peer_address()).with_detail("more than 64 sockets").raise();
    }
    all.push_back(received(peer.take_descriptor(), *name, peer.peer_address()));
  }
}

task<> tell_that_it_serves(unix_stream& peer) {
  co_await write_line(peer, serves);
  reader in(peer);
  co_await expect(in, peer, knows);
}

}  // namespace

// The old process.

listener_handover::listener_handover(const socket_address& at, const handover_options& options)
    : at_(at), options_(checked(options)) {}

void listener_handover::add_any(std::string_view name, std::variant<tcp_listener*, unix_listener*> listener) {
  if (name.empty() || name.size() > longest_name || name.find_first_of("\r\n") != std::string_view::npos) {
    throw std::invalid_argument("listener_handover::add: a name has 1 to 100 characters and no line break");
  }
  if (std::ranges::any_of(offered_, [name](const offered& o) { return o.name == name; })) {
    throw std::invalid_argument("listener_handover::add: there is a listener of that name");
  }
  if (offered_.size() == most) throw std::invalid_argument("listener_handover::add: more than 64 listeners");
  offered_.push_back({std::string(name), listener});
}

task<bool> listener_handover::offer() {
  unix_listener door = co_await listen_unix(at_, {.mode = options_.mode, .backlog = 16});
  for (;;) {
    auto next = co_await until_stopping(door.accept());
    if (!next) co_return false;
    unix_stream successor = std::move(*next);
    const auto outcome = co_await until_stopping(with_timeout(options_.timeout, talk_to(successor, door))).result();
    if (!outcome) co_return false;
    if (!*outcome) {
      log::warn("a successor has not taken over", {"at", at_}, {"error", outcome->error()});
    } else if (**outcome) {
      co_return true;
    }
  }
}

task<bool> listener_handover::talk_to(unix_stream& successor, unix_listener& door) {
  const unix_credentials who = successor.peer_credentials();
  if (!may_take_part(successor)) {
    log::warn("a process of another user has asked for the listeners", {"at", at_}, {"user", who.user});
    co_return false;
  }
  co_await send_all(successor);
  reader in(successor);
  co_await expect(in, successor, serves);
  for (const offered& each : offered_) {
    if (unix_listener* const* file = std::get_if<unix_listener*>(&each.listener); file != nullptr) {
      if ((*file)->is_open()) (*file)->keep_file();
    }
  }
  // The successor may offer them in its turn as soon as it is told.
  co_await door.close();
  const auto told = co_await write_line(successor, knows).result();
  if (!told) log::debug("a successor has ended", {"at", at_}, {"error", told.error()});
  log::info("the listeners have been taken over", {"at", at_}, {"process", who.process});
  co_return true;
}

task<> listener_handover::send_all(unix_stream& successor) {
  co_await write_line(successor, greeting);
  for (const offered& each : offered_) {
    const int fd = std::visit([](const auto* listener) { return listener->native_handle(); }, each.listener);
    if (fd < 0) continue;
    const std::string line = each.name + '\n';
    const std::array<int, 1> given{fd};
    co_await successor.write_all(line, given);
  }
  co_await write_line(successor, "");
}

// The new one.

inherited_socket* taken_listeners::find(std::string_view name) noexcept {
  const auto found = std::ranges::find_if(
      sockets_, [name](const inherited_socket& each) { return each.name == name && each.fd.get() >= 0; });
  return found != sockets_.end() ? &*found : nullptr;
}

task<> taken_listeners::confirm() {
  if (!predecessor_.is_open()) co_return;
  unix_stream predecessor = std::move(predecessor_);
  co_await with_timeout(timeout_, tell_that_it_serves(predecessor));
}

namespace {

/// None if nobody listens there.
task<std::optional<unix_stream>> connect_to_predecessor(const socket_address& at) {
  auto connected = co_await connect_unix(at, {.timeout = forever, .descriptors = listener_handover::most}).result();
  if (connected) co_return std::move(*connected);
  const error& e = connected.error();
  const bool nobody = e == std::errc::no_such_file_or_directory || e == std::errc::connection_refused;
  if (!nobody) e.raise();
  co_return std::nullopt;
}

}  // namespace

// The sockets of a process that was killed accept connections until the kernel has ended its ring, a moment after the
// process was waited for.
task<> taken_listeners::take(socket_address at) {
  for (duration pause = std::chrono::milliseconds(1);; pause = pause * 2) {
    auto connected = co_await connect_to_predecessor(at);
    if (!connected) co_return;
    unix_stream predecessor = std::move(*connected);
    if (!may_take_part(predecessor)) {
      error::from_errno(EPERM, taking).with_address(at).with_detail("a process of another user offers them").raise();
    }
    auto offered = co_await receive_all(predecessor);
    if (offered) {
      sockets_ = std::move(*offered);
      predecessor_ = std::move(predecessor);
      co_return;
    }
    co_await sleep_for(pause);
  }
}

task<taken_listeners> take_listeners(socket_address at, handover_options options) {
  checked(options);
  taken_listeners taken;
  taken.timeout_ = options.timeout;
  co_await with_timeout(options.timeout, taken.take(at));
  co_return taken;
}

task<taken_listeners> take_listeners(std::string_view path, handover_options options) {
  return take_listeners(socket_address::from_path(path), options);
}

}  // namespace wring::net
