// SPDX-License-Identifier: MIT
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace bench {

/// Ends the program, naming what failed and errno.
[[noreturn]] inline void die(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

/// Binds the thread to one processor.
inline void pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) die("sched_setaffinity");
}

/// CLOCK_MONOTONIC in nanoseconds.
inline std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

/// 127.0.0.LAST.
inline sockaddr_in loopback(std::uint16_t port, std::uint32_t last = 1) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(0x7f000000U + last);
  return address;
}

/// A listening socket on 127.0.0.1; the connections it accepts send without delay. `type_flags`: SOCK_NONBLOCK.
inline int listen_on(std::uint16_t port, int type_flags = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0)
    die("listen");
  return fd;
}

/// A socket for datagrams on 127.0.0.1.
inline int bind_udp(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
  return fd;
}

/// One that is connected to the server on 127.0.0.1. Waits up to three seconds for the server to answer.
inline int connect_udp(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("connect");
  const timeval patience{.tv_sec = 0, .tv_usec = 10'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (int attempt = 0;; ++attempt) {
    char byte = 'x';
    if (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1) break;
    if (attempt == 300 || (errno != ECONNREFUSED && errno != EAGAIN)) die("the server's answer");
    if (errno == ECONNREFUSED) usleep(10'000);
  }
  const timeval none{};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
  return fd;
}

/// A connection to 127.0.0.1. `source`: the last byte of the address to connect from, for more than 40,000 of them.
/// Waits up to three seconds for the server to listen.
inline int connect_to(std::uint16_t port, std::uint32_t source = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (source != 0) {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    const sockaddr_in own = loopback(0, source);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) die("bind");
  }
  const sockaddr_in address = loopback(port);
  for (int attempt = 0; connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0; ++attempt) {
    if (attempt == 300 || (errno != ECONNREFUSED && errno != EADDRNOTAVAIL)) die("connect");
    usleep(10'000);
  }
  return fd;
}

}  // namespace bench
