// SPDX-License-Identifier: MIT
#include <cerrno>
#include <chrono>

#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/net/detail/bind_unix.hpp>

namespace wring::net::detail {

namespace {

// While another process looks for stale files in the same folder, which takes it some microseconds.
constexpr duration pause = std::chrono::milliseconds(5);
constexpr int most_attempts = 200;

error explain(int error_number, const socket_address& address, const char* operation) noexcept {
  const error e = error::from_errno(error_number, operation).with_address(address);
  switch (error_number) {
    case EADDRINUSE:
      return e.with_detail("another process serves it, or it may not be replaced");
    case EAGAIN:
      return error::from_errno(EADDRINUSE, operation)
          .with_address(address)
          .with_detail("its folder has been locked by another process for a second (flock)");
    case ENOTSOCK:
      return error::from_errno(EADDRINUSE, operation)
          .with_address(address)
          .with_detail("there is a file that is no socket");
    case ENOENT:
      return e.with_detail("the folder of the socket does not exist");
    case EACCES:
      return e.with_detail("making a socket needs the permission to write to its folder");
    default:
      return e;
  }
}

}  // namespace

task<socket_file> bind_unix(int fd, socket_address address, socket_file_options options, const char* operation) {
  engine& e = scheduler::current().engine();
  socket_file made;
  int r = 0;
  if (address.is_abstract()) {
    r = e.bind(fd, *address.data(), address.size());
    if (r >= 0 && options.backlog >= 0) r = e.listen(fd, options.backlog);
  } else {
    r = e.bind_file(fd, *address.data(), address.size(), options, made);
    for (int attempt = 1; r == -EAGAIN && attempt < most_attempts; ++attempt) {
      co_await sleep_for(pause);
      r = e.bind_file(fd, *address.data(), address.size(), options, made);
    }
  }
  if (r < 0) explain(-r, address, operation).raise();
  co_return made;
}

}  // namespace wring::net::detail
