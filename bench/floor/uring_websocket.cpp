// SPDX-License-Identifier: MIT
//
// The floor for WebSockets: io_uring by hand, as uring_server.cpp has it, and of RFC 6455 what an echo cannot do
// without.
//
//     uring_websocket --port 7000 [--mode echo|broadcast]
//
// The handshake; frames' heads; unmasking in place, 32 bytes at a time; a head of its own before what it sends back. A
// message that is whole in a buffer goes out from there, its new head written over the old one; one that came in
// several goes out of all of them at once, when it is complete. Pings are answered, and closes. `broadcast`: whatever a
// client sends makes it send a message of 1 KiB to all of them, each with a bare send.

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <vector>

#include "common/options.hpp"
#include "common/ring.hpp"
#include "common/websocket.hpp"

namespace {

#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
void unmask(char* bytes, std::size_t size, std::uint32_t key) {
  using words = std::uint32_t __attribute__((vector_size(32)));
  const words all = words{} + key;
  std::size_t at = 0;
  for (; size - at >= sizeof(words); at += sizeof(words)) {
    words some;
    std::memcpy(&some, bytes + at, sizeof some);
    some ^= all;
    std::memcpy(bytes + at, &some, sizeof some);
  }
  for (; at != size; ++at) bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(key >> (8 * (at % 4))));
}

/// Some of what is to be sent.
struct piece {
  const char* data;  // null: in `head`
  std::uint32_t size;
  int buffer = -1;  // in this one of the ring's
  std::array<char, 10> head = {};

  [[nodiscard]] const char* begin() const { return data != nullptr ? data : head.data(); }
};

struct connection {
  int fd;
  std::string request = {};  // until the handshake has been made
  std::deque<piece> queue = {};
  std::size_t complete = 0;  // of the queue: may be sent
  std::size_t owed = 0;      // broadcasts
  std::uint64_t left = 0;    // of a frame's payload
  std::uint32_t key = 0;
  std::array<unsigned char, 14> head = {};  // what has come of it, if it comes in pieces
  std::uint8_t head_size = 0;
  std::array<iovec, 8> parts = {};
  msghdr message = {};
  bool open = false;
  bool receiving = false;
  bool sending = false;
  bool closing = false;  // when all is sent
  bool ended = false;
};

enum class kind : std::uint64_t { accepted, received, sent };

std::size_t head_bytes(unsigned char second) {
  const unsigned length = second & 0x7fU;
  return 6 + (length == 126 ? 2U : length == 127 ? 8U : 0U);  // with the key
}

class server {
 public:
  server(std::uint16_t port, bool broadcasts)
      : broadcasts_(broadcasts),
        listener_(bench::listen_on(port)),
        news_(bench::websocket_head(1024) + std::string(1024, 'b')) {}

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
  }

  void receive(connection& c) {
    bench::prepare_receive(ring_.next(), c.fd, tag(&c, kind::received));
    c.receiving = true;
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
        if (completion.res < 0) {
          c->ended = true;
        } else {
          advance(*c, static_cast<std::size_t>(completion.res));
          send(*c);
        }
        close_if_done(c);
    }
  }

  void received(connection& c, const io_uring_cqe& completion) {
    c.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.res > 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      uses_[buffer] = 1;
      char* const data = buffers_.at(buffer);
      if (c.open) {
        frames(c, data, static_cast<std::size_t>(completion.res), buffer);
      } else {
        handshake(c, {data, static_cast<std::size_t>(completion.res)});
      }
      give_back(buffer);
      send(c);
    } else if (completion.res != -ENOBUFS) {
      c.ended = true;
    }
    if (!c.receiving && !c.ended) receive(c);
    close_if_done(&c);
  }

  // Nothing follows it before it was answered.
  void handshake(connection& c, std::string_view text) {
    constexpr std::string_view field = "Sec-WebSocket-Key: ";
    c.request += text;
    if (!c.request.ends_with("\r\n\r\n")) return;
    const std::size_t at = c.request.find(field);
    if (at == std::string::npos || c.request.size() < at + field.size() + 24) {
      c.ended = true;
      return;
    }
    const std::string key = c.request.substr(at + field.size(), 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
    SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
    std::array<unsigned char, 32> text_of_it;
    EVP_EncodeBlock(text_of_it.data(), digest.data(), SHA_DIGEST_LENGTH);
    const std::string answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        std::string(reinterpret_cast<const char*>(text_of_it.data()), 28) + "\r\n\r\n";
    if (::send(c.fd, answer.data(), answer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size())) c.ended = true;
    c.request = {};
    c.open = true;
    if (broadcasts_) members_.push_back(&c);
  }

  void frames(connection& c, char* data, std::size_t size, std::uint16_t buffer) {
    while (size != 0) {
      char* begin = data;  // of what is sent
      if (c.left == 0) {
        std::array<char, 10> head;
        std::size_t head_size = 0;
        if (c.head_size == 0 && size >= 2 && size >= head_bytes(static_cast<unsigned char>(data[1]))) {
          const std::size_t taken = head_bytes(static_cast<unsigned char>(data[1]));
          head_size = take_head(c, reinterpret_cast<const unsigned char*>(data), taken, head);
          data += taken;
          size -= taken;
          begin = data - head_size;
          std::memcpy(begin, head.data(), head_size);
        } else {
          while (size != 0 && (c.head_size < 2 || c.head_size < head_bytes(c.head[1]))) {
            c.head[c.head_size++] = static_cast<unsigned char>(*data++);
            --size;
          }
          if (c.head_size < 2 || c.head_size < head_bytes(c.head[1])) return;
          head_size = take_head(c, c.head.data(), c.head_size, head);
          c.head_size = 0;
          begin = data;
          c.queue.push_back({.data = nullptr, .size = static_cast<std::uint32_t>(head_size), .head = head});
        }
      }
      const std::size_t some = std::min<std::uint64_t>(c.left, size);
      unmask(data, some, c.key);
      if (const unsigned turned = 8 * (some % 4); turned != 0) c.key = c.key >> turned | c.key << (32 - turned);
      data += some;
      size -= some;
      c.left -= some;
      if (data != begin && !broadcasts_) {
        ++uses_[buffer];
        c.queue.push_back({.data = begin, .size = static_cast<std::uint32_t>(data - begin), .buffer = buffer});
      }
      if (c.left != 0) continue;
      if (broadcasts_) {
        c.queue.clear();
        broadcast();
      } else {
        c.complete = c.queue.size();
      }
    }
  }

  /// Notes what a head says, and makes that of the answer. Returns its size.
  static std::size_t take_head(connection& c, const unsigned char* from, std::size_t size, std::array<char, 10>& head) {
    const std::size_t length_bytes = size - 6;
    c.left = from[1] & 0x7fU;
    if (length_bytes != 0) c.left = 0;
    for (std::size_t i = 0; i != length_bytes; ++i) c.left = c.left << 8 | from[2 + i];
    std::memcpy(&c.key, from + 2 + length_bytes, sizeof c.key);
    const unsigned opcode = from[0] & 0x0fU;
    head[0] = static_cast<char>(opcode == 9 ? (from[0] & 0xf0U) | 10U : from[0]);
    head[1] = static_cast<char>(from[1] & 0x7fU);
    std::memcpy(head.data() + 2, from + 2, length_bytes);
    if (opcode == 8) c.closing = true;
    return 2 + length_bytes;
  }

  void broadcast() {
    for (connection* const member : members_) {
      ++member->owed;
      if (!member->sending) send_news(*member);
    }
  }

  void send_news(connection& c) {
    if (c.complete != 0) {  // the rest of one
      bench::prepare_send(ring_.next(), c.fd, c.queue.front().data, c.queue.front().size, tag(&c, kind::sent));
      c.sending = true;
      return;
    }
    while (c.owed != 0) {
      --c.owed;
      const ssize_t sent = ::send(c.fd, news_.data(), news_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
      if (done == news_.size()) continue;
      c.queue.push_back({.data = news_.data() + done, .size = static_cast<std::uint32_t>(news_.size() - done)});
      c.complete = 1;
      return send_news(c);
    }
  }

  void send(connection& c) {
    if (broadcasts_) {
      if (!c.sending) send_news(c);
      return;
    }
    while (c.complete != 0 && !c.sending) {
      const std::size_t count = std::min(c.complete, c.parts.size());
      std::size_t total = 0;
      for (std::size_t i = 0; i != count; ++i) {
        c.parts[i] = {const_cast<char*>(c.queue[i].begin()), c.queue[i].size};
        total += c.queue[i].size;
      }
      c.message = {};
      c.message.msg_iov = c.parts.data();
      c.message.msg_iovlen = count;
      // As uring_server.cpp has it.
      if (recent_ < batch_sends_from && total <= most_at_once) {
        const ssize_t sent = count == 1 ? ::send(c.fd, c.parts[0].iov_base, total, MSG_DONTWAIT | MSG_NOSIGNAL)
                                        : ::sendmsg(c.fd, &c.message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
          advance(c, static_cast<std::size_t>(sent));
          continue;
        }
      }
      io_uring_sqe& entry = ring_.next();
      bench::prepare_send(entry, c.fd, static_cast<const char*>(c.parts[0].iov_base), static_cast<std::uint32_t>(total),
                          tag(&c, kind::sent));
      if (count != 1) {
        entry.opcode = IORING_OP_SENDMSG;
        entry.addr = reinterpret_cast<std::uint64_t>(&c.message);
        entry.len = 1;
      }
      c.sending = true;
    }
    if (c.closing && c.queue.empty()) shutdown(c.fd, SHUT_RDWR);
  }

  void advance(connection& c, std::size_t sent) {
    while (sent != 0) {
      piece& p = c.queue.front();
      if (sent < p.size) {
        if (p.data == nullptr) {
          std::copy(p.head.begin() + static_cast<std::ptrdiff_t>(sent), p.head.end(), p.head.begin());
        } else {
          p.data += sent;
        }
        p.size -= static_cast<std::uint32_t>(sent);
        return;
      }
      sent -= p.size;
      if (p.buffer >= 0) give_back(static_cast<std::uint16_t>(p.buffer));
      c.queue.pop_front();
      --c.complete;
    }
  }

  void give_back(std::uint16_t buffer) {
    if (--uses_[buffer] == 0) buffers_.give_back(buffer);
  }

  void close_if_done(connection* c) {
    if (!c->ended || c->receiving || c->sending) return;
    for (const piece& p : c->queue) {
      if (p.buffer >= 0) give_back(static_cast<std::uint16_t>(p.buffer));
    }
    std::erase(members_, c);
    close(c->fd);
    delete c;
  }

  static constexpr std::uint32_t batch_sends_from = 4 * 16;
  static constexpr std::uint32_t most_at_once = 4096;

  bool broadcasts_;
  int listener_;
  std::string news_;
  std::vector<connection*> members_;
  std::uint32_t recent_ = 0;  // four times the completions of a round, on average
  std::vector<std::uint16_t> uses_ = std::vector<std::uint16_t>(1024);  // of each buffer
  bench::ring ring_{4096, 16384};
  bench::buffer_ring buffers_{ring_, 1024, 16384};
};

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  std::string_view mode = "echo";
  bench::read_options(argc, argv, {{.name = "--port", .number = &port}, {.name = "--mode", .text = &mode}});
  server(static_cast<std::uint16_t>(port), mode == "broadcast").run();
}
