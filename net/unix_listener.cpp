// SPDX-License-Identifier: MIT
#include <cerrno>
#include <sys/socket.h>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/bind_unix.hpp>
#include <wring/net/detail/descriptor_inbox.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/unix_listener.hpp>

namespace wring::net {

unix_listener unix_listener::adopt(int fd, std::size_t accept_queue) {
  return unix_listener(detail::adopt_listener(fd, accept_queue, &socket_address::is_unix));
}

void unix_listener::set_descriptors(unsigned most) {
  detail::check_descriptors(most);
  socket().set_descriptors(most);
}

task<unix_listener> listen_unix(socket_address address, unix_listen_options options) {
  constexpr const char* what = "listen on";
  detail::check_accept_queue(options.accept_queue);
  detail::check_descriptors(options.descriptors);
  if (!address.is_unix() || address.is_unnamed()) error::from_errno(EAFNOSUPPORT, what).with_address(address).raise();
  descriptor fd = detail::make_socket(scheduler::current().engine(), address, SOCK_STREAM, what);
  const socket_file_options how{
      .mode = options.mode, .replace_stale = options.replace_stale, .backlog = options.backlog};
  const socket_file made = co_await detail::bind_unix(fd.get(), address, how, what);
  auto* const listening = new detail::accept_socket(std::move(fd), options.accept_queue, options.backlog);
  listening->set_descriptors(options.descriptors);
  if (options.remove_file) listening->own_file(made);
  co_return unix_listener(listening);
}

task<unix_listener> listen_unix(std::string_view path, unix_listen_options options) {
  return listen_unix(socket_address::from_path(path), options);
}

}  // namespace wring::net
