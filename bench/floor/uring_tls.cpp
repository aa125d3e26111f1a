// SPDX-License-Identifier: MIT
//
// The floor for TLS: io_uring and OpenSSL by hand, without a framework.
//
//     uring_tls --port 7000 [--mode echo|greet|http|bulk]
//
// Receives and sends as `uring_server` does, with one send in flight a connection. OpenSSL reads where the ring has
// received, and writes to memory that each connection keeps. `echo` sends back what comes; `greet` sends 64 bytes to
// whoever connects, and ends; `http` answers each request with a line of text, `bulk` with 64 MiB, of which 64 KiB are
// encrypted for each send.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/options.hpp"
#include "common/ring.hpp"
#include "common/tls.hpp"

namespace {

constexpr std::size_t greeting_bytes = 64;
constexpr std::uint64_t bulk_bytes = std::uint64_t{64} << 20;
constexpr std::string_view request_end = "\r\n\r\n";
constexpr std::string_view bulk_head = "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n";
constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

struct connection {
  connection(int f, SSL_CTX* context) : fd(f), tls(context, true) {}

  int fd;
  bench::tls_end tls;
  std::uint64_t owed = 0;  // of bulk's answers
  bool greeted = false;
  bool receiving = false;
  bool sending = false;
  bool ended = false;
  bool shut = false;
};

enum class kind : std::uint64_t { accepted, received, sent };

class server {
 public:
  server(std::uint16_t port, std::string_view mode)
      : echoes_(mode == "echo"),
        greets_(mode == "greet"),
        bulk_(mode == "bulk"),
        context_(bench::tls_server_context()),
        listener_(bench::listen_on(port)) {}

  [[noreturn]] void run() {
    accept();
    for (;;) {
      ring_.enter(1);
      recent_ += ring_.completions() - recent_ / 4;
      ring_.drain([this](const io_uring_cqe& completion) { handle(completion); });
    }
  }

 private:
  static std::uint64_t tag(const connection* c, kind k) {
    return reinterpret_cast<std::uint64_t>(c) | static_cast<std::uint64_t>(k);
  }

  void accept() {
    io_uring_sqe& entry = ring_.next();
    entry.opcode = IORING_OP_ACCEPT;
    entry.fd = listener_;
    entry.ioprio = IORING_ACCEPT_MULTISHOT;
    entry.user_data = tag(nullptr, kind::accepted);
  }

  void handle(const io_uring_cqe& completion) {
    auto* const c = reinterpret_cast<connection*>(completion.user_data & ~std::uint64_t{3});
    switch (static_cast<kind>(completion.user_data & 3)) {
      case kind::accepted:
        if (completion.res >= 0) accepted(completion.res);
        if ((completion.flags & IORING_CQE_F_MORE) == 0) accept();
        break;
      case kind::received:
        received(*c, completion);
        break;
      case kind::sent:
        c->sending = false;
        if (completion.res < 0) c->ended = true;
        if (!c->ended) send(*c);
        close_if_done(c);
    }
  }

  void accepted(int fd) { receive(*new connection(fd, context_)); }

  void receive(connection& c) {
    bench::prepare_receive(ring_.next(), c.fd, tag(&c, kind::received));
    c.receiving = true;
  }

  void received(connection& c, const io_uring_cqe& completion) {
    c.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.res > 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      if (!c.ended) {
        c.tls.feed({buffers_.at(buffer), static_cast<std::size_t>(completion.res)});
        advance(c);
      }
      buffers_.give_back(buffer);
    } else if (completion.res != -ENOBUFS) {
      c.ended = true;
    }
    if (!c.receiving && !c.ended) receive(c);
    close_if_done(&c);
  }

  void advance(connection& c) {
    while (const std::size_t count = c.tls.read(data_)) {
      const std::span<const char> data(data_.data(), count);
      if (echoes_) {
        c.tls.write(data);
      } else {
        const std::string_view text(data.data(), data.size());
        for (std::size_t at = 0; (at = text.find(request_end, at)) != text.npos; at += request_end.size()) {
          c.tls.write(bulk_ ? bulk_head : answer);
          if (bulk_) c.owed += bulk_bytes;
        }
      }
    }
    if (greets_ && !c.greeted && c.tls.shaken()) {
      c.greeted = true;
      c.tls.write({block_.data(), greeting_bytes});
      c.tls.shut_down();
    }
    send(c);
  }

  /// What is to be sent: small pieces at once, while there are few (see uring_server).
  void send(connection& c) {
    if (c.sending) return;
    if (c.owed != 0 && !c.tls.has_output()) {
      const std::size_t count = std::min<std::uint64_t>(c.owed, block_.size());
      c.tls.write({block_.data(), count});
      c.owed -= count;
    }
    if (c.tls.has_output()) {
      const auto out = c.tls.take_output();
      std::size_t sent = 0;
      if (recent_ < batch_sends_from && out.size() <= most_at_once) {
        const ssize_t count = ::send(c.fd, out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) sent = static_cast<std::size_t>(count);
      }
      if (sent != out.size()) {
        bench::prepare_send(ring_.next(), c.fd, out.data() + sent, static_cast<std::uint32_t>(out.size() - sent),
                            tag(&c, kind::sent));
        c.sending = true;
        return;
      }
    }
    if (c.greeted) end(c);
  }

  /// Nothing follows; shutting down ends the receive.
  void end(connection& c) {
    if (c.shut) return;
    c.shut = true;
    c.ended = true;
    shutdown(c.fd, SHUT_RDWR);
  }

  static void close_if_done(connection* c) {
    if (!c->ended || c->receiving || c->sending) return;
    close(c->fd);
    delete c;
  }

  static constexpr std::uint32_t batch_sends_from = 4 * 16;
  static constexpr std::size_t most_at_once = 4096;
  bool echoes_;
  bool greets_;
  bool bulk_;
  SSL_CTX* context_;
  int listener_;
  std::uint32_t recent_ = 0;  // four times the completions of a round, on average of the last few
  std::array<char, 16384> data_;
  std::vector<char> block_ = std::vector<char>(64 * 1024, 's');
  bench::ring ring_{4096, 16384};
  bench::buffer_ring buffers_{ring_, 1024, 16384};
};

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  std::string_view mode = "echo";
  bench::read_options(argc, argv, {{.name = "--port", .number = &port}, {.name = "--mode", .text = &mode}});
  server(static_cast<std::uint16_t>(port), mode).run();
}
