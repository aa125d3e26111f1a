// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ring.hpp"

namespace bench {

/// The floor for HTTP: looks for the ends of heads and nothing else, and sends the same answer for each. Receives and
/// sends as the echo does.
class uring_http {
 public:
  explicit uring_http(std::uint16_t port) : listener_(listen_on(port)) {
    constexpr std::string_view answer =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 6\r\n\r\nhello\n";
    answer_size_ = static_cast<std::uint32_t>(answer.size());
    for (std::uint32_t i = 0; i != most_at_once; ++i) answers_ += answer;
  }

  [[noreturn]] void run() {
    accept();
    for (;;) {
      ring_.enter(1);
      recent_ += ring_.completions() - recent_ / 4;
      ring_.drain([this](const io_uring_cqe& completion) { handle(completion); });
    }
  }

 private:
  static constexpr std::uint32_t most_at_once = 64;
  static constexpr std::uint32_t batch_sends_from = 4 * 16;
  static constexpr std::string_view end_of_head = "\r\n\r\n";

  struct connection {
    int fd;
    std::uint32_t owed = 0;     // answers
    std::uint32_t matched = 0;  // of the end of a head, by the last bytes
    bool receiving = false;
    bool sending = false;
    bool ended = false;
  };
  enum class kind : std::uint64_t { accepted, received, sent };

  static std::uint64_t tag(const connection* c, kind k) {
    return reinterpret_cast<std::uint64_t>(c) | static_cast<std::uint64_t>(k);
  }

  void accept() {
    io_uring_sqe& entry = ring_.next();
    entry.opcode = IORING_OP_ACCEPT;
    entry.fd = listener_;
    entry.ioprio = IORING_ACCEPT_MULTISHOT;
  }

  void handle(const io_uring_cqe& completion) {
    auto* const c = reinterpret_cast<connection*>(completion.user_data & ~std::uint64_t{3});
    switch (static_cast<kind>(completion.user_data & 3)) {
      case kind::accepted:
        if (completion.res >= 0) receive(*new connection{.fd = completion.res});
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

  void receive(connection& c) {
    prepare_receive(ring_.next(), c.fd, tag(&c, kind::received));
    c.receiving = true;
  }

  void received(connection& c, const io_uring_cqe& completion) {
    c.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.res > 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      scan(c, {buffers_.at(buffer), static_cast<std::size_t>(completion.res)});
      buffers_.give_back(buffer);
      if (!c.sending) send(c);
    } else if (completion.res != -ENOBUFS) {
      c.ended = true;
    }
    if (!c.receiving && !c.ended) receive(c);
    close_if_done(&c);
  }

  void scan(connection& c, std::string_view text) {
    while (c.matched != 0 && !text.empty()) {
      c.matched = text.front() == end_of_head[c.matched] ? c.matched + 1 : text.front() == '\r' ? 1 : 0;
      text.remove_prefix(1);
      if (c.matched == end_of_head.size()) {
        ++c.owed;
        c.matched = 0;
      }
    }
    for (;;) {
      const void* const found = memmem(text.data(), text.size(), end_of_head.data(), end_of_head.size());
      if (found == nullptr) break;
      ++c.owed;
      text.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + end_of_head.size());
    }
    for (std::uint32_t part = 3; part != 0; --part) {
      if (!text.ends_with(end_of_head.substr(0, part))) continue;
      c.matched = part;
      break;
    }
  }

  void send(connection& c) {
    while (c.owed != 0) {
      const std::uint32_t count = std::min(c.owed, most_at_once);
      c.owed -= count;
      const std::uint32_t size = count * answer_size_;
      if (recent_ < batch_sends_from && ::send(c.fd, answers_.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) == size)
        continue;
      prepare_send(ring_.next(), c.fd, answers_.data(), size, tag(&c, kind::sent));
      c.sending = true;
      return;
    }
  }

  static void close_if_done(connection* c) {
    if (!c->ended || c->receiving || c->sending) return;
    close(c->fd);
    delete c;
  }

  int listener_;
  std::string answers_;
  std::uint32_t answer_size_ = 0;
  std::uint32_t recent_ = 0;  // four times the completions of a round, on average of the last few
  ring ring_{4096, 16384};
  buffer_ring buffers_{ring_, 1024, 16384};
};

}  // namespace bench
