// SPDX-License-Identifier: MIT
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <wring/core/runtime.hpp>
#include <wring/net/detail/bind_error.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/tcp_listener.hpp>

namespace wring::net {

namespace {

bool on_several_schedulers() noexcept {
  const runtime* const here = runtime::try_current();
  return here != nullptr && here->size() > 1;
}

constexpr const char* what = "listen on";
constexpr const char* taken = "another socket listens there: choose another port, or 0 for a free one";

descriptor make_listener(engine& e, const socket_address& address, const tcp_listen_options& options) {
  descriptor fd = detail::make_socket(e, address, SOCK_STREAM, what);
  detail::require_option(e, fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "set SO_REUSEADDR");
  if (options.reuse_port || on_several_schedulers())
    detail::require_option(e, fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, "set SO_REUSEPORT");
  if (address.is_v6()) {
    detail::require_option(e, fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1, "set IPV6_V6ONLY");
  }
  // Accepted sockets inherit it.
  detail::require_option(e, fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, "set TCP_NODELAY");
  int r = e.bind(fd.get(), *address.data(), address.size());
  if (r >= 0) r = e.listen(fd.get(), options.backlog);
  if (r < 0) detail::bind_error(-r, address, what, taken).raise();
  return fd;
}

}  // namespace

tcp_listener tcp_listener::adopt(int fd, std::size_t accept_queue) {
  return tcp_listener(detail::adopt_listener(fd, accept_queue, &socket_address::is_ip));
}

task<tcp_listener> listen_tcp(tcp_listen_options options) {
  detail::check_accept_queue(options.accept_queue);
  engine& e = scheduler::current().engine();
  const socket_address wanted(options.address, options.port);
  descriptor fd;
  try {
    fd = make_listener(e, wanted, options);
  } catch (const io_error& refused) {
    const bool no_v6 = refused.code() == std::errc::address_family_not_supported;
    if (!no_v6 || !options.dual_stack || options.address != ip_address::any_v6) throw;
  }
  if (fd.get() < 0) fd = make_listener(e, socket_address(ip_address::any_v4, options.port), options);
  co_return tcp_listener(new detail::accept_socket(std::move(fd), options.accept_queue, options.backlog));
}

}  // namespace wring::net
