// SPDX-License-Identifier: MIT
//
// The floor for engines on epoll: an echo by hand. Level-triggered, one receive into a shared 64 KiB buffer and one
// send at once for each readiness; what the socket does not take is kept and sent when it can be. `udp` is an echo of
// datagrams (epoll_udp.hpp).
//
//     epoll_server --port 7000 [--mode echo|udp]

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <vector>

#include "common/options.hpp"
#include "common/sockets.hpp"
#include "floor/epoll_udp.hpp"

namespace {

struct connection {
  int fd;
  std::string unsent;
};

class server {
 public:
  explicit server(std::uint16_t port) : listener_{bench::listen_on(port, SOCK_NONBLOCK), {}} {
    watch(EPOLL_CTL_ADD, EPOLLIN, listener_);
  }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(1024);
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto& c = *static_cast<connection*>(event.data.ptr);
        if (&c == &listener_) {
          accept();
        } else if ((event.events & EPOLLOUT) != 0) {
          send_rest(c);
        } else {
          echo(c);
        }
      }
    }
  }

 private:
  void watch(int change, std::uint32_t events, connection& c) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &c;
    epoll_ctl(epoll_, change, c.fd, &event);
  }

  void accept() {
    for (int fd = 0; (fd = accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      watch(EPOLL_CTL_ADD, EPOLLIN, *new connection{fd, {}});
    }
  }

  static void drop(connection& c) {
    close(c.fd);
    delete &c;
  }

  void echo(connection& c) {
    const ssize_t got = recv(c.fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) drop(c);
      return;
    }
    ssize_t sent = send(c.fd, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) return drop(c);
      sent = 0;
    }
    if (sent < got) {
      c.unsent.assign(buffer_.data() + sent, static_cast<std::size_t>(got - sent));
      watch(EPOLL_CTL_MOD, EPOLLOUT, c);
    }
  }

  void send_rest(connection& c) {
    const ssize_t sent = send(c.fd, c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return drop(c);
    if (sent > 0) c.unsent.erase(0, static_cast<std::size_t>(sent));
    if (c.unsent.empty()) watch(EPOLL_CTL_MOD, EPOLLIN, c);
  }

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  connection listener_;
  std::vector<char> buffer_ = std::vector<char>(65536);
};

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  std::string_view mode = "echo";
  bench::read_options(argc, argv, {{.name = "--port", .number = &port}, {.name = "--mode", .text = &mode}});
  if (mode == "udp") bench::epoll_udp(static_cast<std::uint16_t>(port)).run();
  server(static_cast<std::uint16_t>(port)).run();
}
