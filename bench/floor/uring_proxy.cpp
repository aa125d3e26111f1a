// SPDX-License-Identifier: MIT
//
// The floor for a proxy: io_uring by hand, which joins every connection with one to the server.
//
//     uring_proxy --port 7000 --to 7001
//
// Multishot accept and receive into a ring of 1024 buffers of 16 KiB. What comes is sent at once with a call of its
// own; what the other side does not take is sent by the ring, one send at a time each way. The connection to the server
// is made with a blocking call: connections are not what is measured.

#include <cstdint>
#include <vector>

#include "common/options.hpp"
#include "common/ring.hpp"

namespace {

struct piece {
  std::uint16_t buffer;
  std::uint32_t size;
  std::uint32_t offset = 0;  // sent already
};

/// One side of a joined connection, with what is to be sent to it.
struct pair;
struct side {
  int fd = -1;
  pair* joined = nullptr;
  side* other = nullptr;
  bool receiving = false;
  bool sending = false;
  bool ended = false;  // it sends nothing more
  bool shut = false;   // nor is anything sent to it
  std::vector<piece> queue = {};
  std::size_t first = 0;
};

enum class kind : std::uint64_t { accepted, received, sent };
constexpr std::uint64_t kind_mask = 3;
static_assert(alignof(side) > kind_mask);

struct pair {
  side client;
  side server;
};

class proxy {
 public:
  proxy(std::uint16_t port, std::uint16_t to) : to_(to), listener_(bench::listen_on(port)) {}

  [[noreturn]] void run() {
    accept();
    for (;;) {
      ring_.enter(1);
      ring_.drain([this](const io_uring_cqe& completion) { handle(completion); });
    }
  }

 private:
  static std::uint64_t tag(const side* s, kind k) {
    return reinterpret_cast<std::uint64_t>(s) | static_cast<std::uint64_t>(k);
  }

  void accept() {
    io_uring_sqe& entry = ring_.next();
    entry.opcode = IORING_OP_ACCEPT;
    entry.fd = listener_;
    entry.ioprio = IORING_ACCEPT_MULTISHOT;
    entry.user_data = tag(nullptr, kind::accepted);
  }

  void receive(side& s) {
    bench::prepare_receive(ring_.next(), s.fd, tag(&s, kind::received));
    s.receiving = true;
  }

  void handle(const io_uring_cqe& completion) {
    auto* s = reinterpret_cast<side*>(completion.user_data & ~kind_mask);
    switch (static_cast<kind>(completion.user_data & kind_mask)) {
      case kind::accepted:
        if (completion.res >= 0) accepted(completion.res);
        if ((completion.flags & IORING_CQE_F_MORE) == 0) accept();
        break;
      case kind::received:
        received(*s, completion);
        break;
      case kind::sent:
        sent(*s, completion.res);
        break;
    }
  }

  void accepted(int fd) {
    auto* both = new pair{};
    both->client.fd = fd;
    both->server.fd = bench::connect_to(to_);
    both->client.joined = both->server.joined = both;
    both->client.other = &both->server;
    both->server.other = &both->client;
    receive(both->client);
    receive(both->server);
  }

  void received(side& from, const io_uring_cqe& completion) {
    from.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
    side& to = *from.other;
    if (completion.res > 0) {
      to.queue.push_back({buffers_.take(completion), static_cast<std::uint32_t>(completion.res)});
      if (!to.sending) send(to);
    } else if (completion.res == -ENOBUFS) {
      starved_.push_back(&from);
      return;
    } else {
      from.ended = true;
      if (!to.sending) finish(to);
    }
    if (!from.receiving && !from.ended) receive(from);
  }

  void send(side& to) {
    while (to.first != to.queue.size()) {
      piece& p = to.queue[to.first];
      const ssize_t n = ::send(to.fd, buffers_.at(p.buffer) + p.offset, p.size - p.offset, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0) p.offset += static_cast<std::uint32_t>(n);
      if (n < 0 && errno != EAGAIN) p.offset = p.size;  // it is gone: its own receive tells
      if (p.offset != p.size) {
        bench::prepare_send(ring_.next(), to.fd, buffers_.at(p.buffer) + p.offset, p.size - p.offset,
                            tag(&to, kind::sent));
        to.sending = true;
        return;
      }
      give_back(p.buffer);
      ++to.first;
    }
    to.queue.clear();
    to.first = 0;
    if (to.other->ended) finish(to);
  }

  void sent(side& to, int result) {
    to.sending = false;
    piece& p = to.queue[to.first];
    p.offset = result > 0 ? p.offset + static_cast<std::uint32_t>(result) : p.size;
    if (p.offset == p.size) {
      give_back(p.buffer);
      ++to.first;
    }
    send(to);
  }

  void give_back(std::uint16_t buffer) {
    buffers_.give_back(buffer);
    if (starved_.empty()) return;
    receive(*starved_.back());
    starved_.pop_back();
  }

  /// Nothing more will be sent to it. Both are closed when both have come to their end.
  void finish(side& to) {
    if (to.shut) return;
    to.shut = true;
    ::shutdown(to.fd, SHUT_WR);
    if (!to.other->shut) return;
    ::close(to.fd);
    ::close(to.other->fd);
    delete to.joined;  // neither is receiving or sending any more
  }

  std::uint16_t to_;
  int listener_;
  std::vector<side*> starved_;
  bench::ring ring_{4096, 16384};
  bench::buffer_ring buffers_{ring_, 1024, 16384};
};

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  double to = 7001;
  bench::read_options(argc, argv, {{.name = "--port", .number = &port}, {.name = "--to", .number = &to}});
  proxy(static_cast<std::uint16_t>(port), static_cast<std::uint16_t>(to)).run();
}
