// SPDX-License-Identifier: MIT
//
// The floor: io_uring by hand, without a framework.
//
//     uring_server --port 7000 [--mode echo|sink|source|udp|http] [--watch MICROSECONDS]
//
// Multishot accept and receive into a ring of 1024 buffers of 16 KiB, sends batched into the enter that waits
// (while there are many: a few are made at once, each with a call of its own), one send in flight a connection. `echo`
// sends back what comes, `udp` does so with datagrams (uring_udp.hpp), `http` looks for the ends of requests' heads and
// answers each (uring_http.hpp), `sink` drops what comes, `source` sends 64 KiB after 64 KiB to whoever connects.
// `watch` is how long it looks for completions in user space before it sleeps, if recent waits were shorter than that.

#include <cstdint>
#include <vector>

#include "common/options.hpp"
#include "common/ring.hpp"
#include "floor/uring_http.hpp"
#include "floor/uring_udp.hpp"

namespace {

using bench::buffer_ring;

struct piece {
  std::uint16_t buffer;
  std::uint32_t size;
  std::uint32_t offset = 0;  // sent already
};

/// The low bits of user_data; the rest is the connection's address.
enum class kind : std::uint64_t { accepted, received, sent, closed };
constexpr std::uint64_t kind_mask = 3;

struct connection {
  int fd;
  bool receiving = false;
  bool sending = false;
  bool ended = false;
  std::vector<piece> queue = {};  // from `first` on; that one is being sent
  std::size_t first = 0;
};
static_assert(alignof(connection) > kind_mask);

class server {
 public:
  server(std::uint16_t port, std::string_view mode, std::uint64_t watch_ns)
      : watch_ns_(watch_ns), echoes_(mode == "echo"), sources_(mode == "source"), listener_(bench::listen_on(port)) {}

  [[noreturn]] void run() {
    accept();
    for (;;) {
      if (watch_ns_ != 0) {
        wait_watching();
      } else {
        ring_.enter(1);
      }
      recent_ += ring_.completions() - recent_ / 4;
      ring_.drain([this](const io_uring_cqe& completion) { handle(completion); });
    }
  }

 private:
  static std::uint64_t tag(const connection* c, kind k) {
    return reinterpret_cast<std::uint64_t>(c) | static_cast<std::uint64_t>(k);
  }

  /// Watches only if waits have lately been so short that watching would have met their end.
  void wait_watching() {
    const std::uint64_t begin = bench::now_ns();
    if (usual_wait_ns_ <= watch_ns_) {
      ring_.enter_watching(watch_ns_);
    } else {
      ring_.enter(1);
    }
    usual_wait_ns_ = (usual_wait_ns_ * 7 + (bench::now_ns() - begin)) / 8;
  }

  void accept() {
    io_uring_sqe& entry = ring_.next();
    entry.opcode = IORING_OP_ACCEPT;
    entry.fd = listener_;
    entry.ioprio = IORING_ACCEPT_MULTISHOT;
    entry.user_data = tag(nullptr, kind::accepted);
  }

  void receive(connection& c) {
    bench::prepare_receive(ring_.next(), c.fd, tag(&c, kind::received));
    c.receiving = true;
  }

  void send(connection& c) {
    if (sources_) {
      bench::prepare_send(ring_.next(), c.fd, block_.data(), static_cast<std::uint32_t>(block_.size()),
                          tag(&c, kind::sent));
    } else {
      piece& p = c.queue[c.first];
      // Large ones take so long to make that few completions come in a round, and it would stay at that.
      if (recent_ < batch_sends_from && p.size <= most_at_once && sent_at_once(c.fd, p)) return next_piece(c);
      bench::prepare_send(ring_.next(), c.fd, buffers_.at(p.buffer) + p.offset, p.size - p.offset, tag(&c, kind::sent));
    }
    c.sending = true;
  }

  /// Whether all of it was; its offset tells.
  bool sent_at_once(int fd, piece& p) {
    const ssize_t sent = ::send(fd, buffers_.at(p.buffer), p.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) p.offset = static_cast<std::uint32_t>(sent);
    return p.offset == p.size;
  }

  void next_piece(connection& c) {
    give_back(c.queue[c.first++].buffer);
    if (c.first == c.queue.size()) {
      c.queue.clear();
      c.first = 0;
    } else {
      send(c);
    }
  }

  void handle(const io_uring_cqe& completion) {
    auto* c = reinterpret_cast<connection*>(completion.user_data & ~kind_mask);
    switch (static_cast<kind>(completion.user_data & kind_mask)) {
      case kind::accepted:
        if (completion.res >= 0) accepted(completion.res);
        if ((completion.flags & IORING_CQE_F_MORE) == 0) accept();
        break;
      case kind::received:
        received(*c, completion);
        break;
      case kind::sent:
        sent(*c, completion.res);
        break;
      case kind::closed:
        delete c;
        break;
    }
  }

  void accepted(int fd) {
    auto* c = new connection{.fd = fd};
    receive(*c);
    if (sources_) send(*c);
  }

  void received(connection& c, const io_uring_cqe& completion) {
    c.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.res > 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      if (echoes_ && !c.ended) {
        c.queue.push_back({buffer, static_cast<std::uint32_t>(completion.res)});
        if (!c.sending) send(c);
      } else {
        give_back(buffer);
      }
    } else if (completion.res == -ENOBUFS) {
      if (!buffers_.available()) {
        starved_.push_back(&c);  // asking again before there is a buffer would go round in circles
        return;
      }
    } else {
      c.ended = true;
    }
    if (!c.receiving && !c.ended) receive(c);
    close_if_done(c);
  }

  void sent(connection& c, int result) {
    c.sending = false;
    if (result < 0) fail(c);
    if (sources_) {
      if (!c.ended) send(c);
    } else if (result > 0) {
      next_piece(c);
    }
    close_if_done(c);
  }

  void give_back(std::uint16_t buffer) {
    buffers_.give_back(buffer);
    if (starved_.empty()) return;
    receive(*starved_.back());
    starved_.pop_back();
  }

  /// The peer does not read any more; shutting down ends the receive.
  void fail(connection& c) {
    c.ended = true;
    shutdown(c.fd, SHUT_RDWR);
  }

  void close_if_done(connection& c) {
    if (!c.ended || c.receiving || c.sending) return;
    std::erase(starved_, &c);
    while (c.first < c.queue.size()) give_back(c.queue[c.first++].buffer);
    io_uring_sqe& entry = ring_.next();
    entry.opcode = IORING_OP_CLOSE;
    entry.fd = c.fd;
    entry.user_data = tag(&c, kind::closed);
  }

  std::uint64_t watch_ns_;
  std::uint64_t usual_wait_ns_ = 0;
  bool echoes_;
  bool sources_;
  int listener_;
  static constexpr std::uint32_t batch_sends_from = 4 * 16;
  static constexpr std::uint32_t most_at_once = 4096;
  std::uint32_t recent_ = 0;          // four times the completions of a round, on average of the last few
  std::vector<connection*> starved_;  // wait for a buffer to come back
  std::vector<char> block_ = std::vector<char>(64 * 1024, 's');
  bench::ring ring_{4096, 16384};
  buffer_ring buffers_{ring_, 1024, 16384};
};

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  double watch = 0;
  std::string_view mode = "echo";
  bench::read_options(
      argc, argv,
      {{.name = "--port", .number = &port}, {.name = "--mode", .text = &mode}, {.name = "--watch", .number = &watch}});
  if (mode == "http") bench::uring_http(static_cast<std::uint16_t>(port)).run();
  if (mode == "udp") bench::uring_udp(static_cast<std::uint16_t>(port)).run();
  server(static_cast<std::uint16_t>(port), mode, static_cast<std::uint64_t>(watch * 1000)).run();
}
