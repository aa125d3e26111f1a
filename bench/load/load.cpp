// SPDX-License-Identifier: MIT
//
// Loads a server on loopback from one thread, and prints one line of JSON: what the server did, and what it took.
//
//     load --port 7000 --server PID [--mode MODE] [--connections N] [--bytes N] ...
//
//     echo     each connection has `--pipeline` requests of `--bytes` under way, always (a closed loop)
//     paced    `--rate` requests a second over all connections, whether answered or not (an open loop): latency counts
//              from when a request was due, so that a server that stalls is seen to stall
//     churn    each connection sends one request, is closed when it was answered, and made anew
//     sink     sends as much as the server takes; an operation is a MiB
//     source   takes as much as the server sends; an operation is a MiB
//     idle     one request on each connection, then nothing: prints the server's memory for each
//
// A request is one line, and ends in "\r\n".
// `--udp 1` sends the requests of `echo` as datagrams, each from a socket of its own.
// `--http hello|browser|/PATH|304:/PATH` sends requests of HTTP instead, in the modes `echo` and `idle`; see
// common/http_exchange.hpp.
// `--websocket 1` shakes hands, sends masked messages of `--bytes`, and checks all that comes, in the same modes; and
// in `broadcast`: the first connection sends a message, and the next one when all have been sent 1 KiB. An operation is
// one that came.
// `--spin 1` never sleeps: with few connections the load's own waking up would be what is measured.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/http_exchange.hpp"
#include "common/options.hpp"
#include "common/ring.hpp"
#include "common/websocket.hpp"
#include "load/histogram.hpp"
#include "load/report.hpp"

namespace {

using bench::now_ns;

struct settings {
  std::string_view mode = "echo";
  double port = 7000;
  double connections = 64;
  double bytes = 64;
  double pipeline = 1;
  double rate = 1000;    // paced: requests a second
  double seconds = 0.5;  // what is measured
  double warm_up = 0.2;  // seconds before
  double server = 0;     // its process
  double server_core = 0;
  double core = -1;  // this program's
  double spin = 0;
  double udp = 0;
  double websocket = 0;
  std::string_view http;  // none, or which request
};

constexpr double mebibyte = 1024.0 * 1024;
constexpr std::uint32_t block_bytes = 64 * 1024;  // sink and source

struct connection {
  int fd = -1;
  std::uint32_t received = 0;  // of the response that is coming in
  std::uint32_t owed = 0;      // requests that should be sent
  bool sending = false;
  std::deque<std::uint64_t> begun;  // when each request under way was due
};

enum class kind : std::uint64_t { received, sent };

class load {
 public:
  explicit load(const settings& s)
      : settings_(s),
        of_{static_cast<pid_t>(s.server), static_cast<int>(s.server_core), static_cast<int>(s.core)},
        connections_(static_cast<std::size_t>(s.connections)) {
    request_bytes_ = bulk() ? block_bytes : static_cast<std::uint32_t>(s.bytes);
    const std::uint32_t most = std::max<std::uint32_t>(static_cast<std::uint32_t>(s.pipeline), mode("paced") ? 64 : 1);
    answer_bytes_ = request_bytes_;
    if (!s.http.empty()) {
      const std::string request = bench::http_request(s.http);
      request_bytes_ = static_cast<std::uint32_t>(request.size());
      answer_bytes_ = static_cast<std::uint32_t>(bench::http_answer_size(static_cast<std::uint16_t>(s.port), request));
      for (std::uint32_t i = 0; i != most; ++i) requests_ += request;
    } else {
      requests_.resize(std::size_t{request_bytes_} * most);
      for (std::size_t i = 0; i < requests_.size(); ++i) requests_[i] = character(i % request_bytes_);
    }
    if (s.websocket != 0) make_messages(most);
    most_at_once_ = most;
  }

  // Each with a key of its own.
  void make_messages(std::uint32_t most) {
    const std::string text = requests_.substr(0, request_bytes_);
    answer_ = mode("broadcast") ? bench::websocket_head(1024) + std::string(1024, 'b')
                                : bench::websocket_head(text.size()) + text;
    answer_bytes_ = static_cast<std::uint32_t>(answer_.size());
    requests_.clear();
    for (std::uint32_t i = 0; i != most; ++i) requests_ += bench::websocket_request(text, 0x9e3779b9U * (i + 1));
    request_bytes_ = static_cast<std::uint32_t>(requests_.size() / most);
  }

  [[nodiscard]] char character(std::size_t at) const {
    if (request_bytes_ >= 2 && at + 2 >= request_bytes_) return at + 2 == request_bytes_ ? '\r' : '\n';
    return static_cast<char>('a' + at % 26);
  }

  void run() {
    const double memory_before = bench::resident_kib(of_.server);
    for (connection& c : connections_) {
      dial(c);
      if (mode("source") || mode("broadcast")) continue;
      c.owed = mode("paced") ? 0 : static_cast<std::uint32_t>(settings_.pipeline);
      for (std::uint32_t i = 0; i < c.owed; ++i) c.begun.push_back(now_ns());
      send(c);
    }
    if (mode("idle")) return report_memory(memory_before);
    if (mode("broadcast")) publish();

    const std::uint64_t begin = now_ns() + static_cast<std::uint64_t>(settings_.warm_up * 1e9);
    const std::uint64_t end = begin + static_cast<std::uint64_t>(settings_.seconds * 1e9);
    next_due_ = now_ns();
    while (now_ns() < begin) step();
    const bench::reading first(of_);
    latencies_.clear();
    done_ = 0;
    constexpr std::uint64_t grace =
        10'000'000'000;  // where others leave the server no time, until it has done something
    while (now_ns() < end || (done_ == 0 && now_ns() < end + grace)) step();
    bench::report(of_, done_, latencies_, first, bench::reading(of_));
  }

 private:
  [[nodiscard]] bool mode(std::string_view name) const { return settings_.mode == name; }
  [[nodiscard]] bool bulk() const { return mode("sink") || mode("source"); }

  std::uint64_t tag(const connection& c, kind k) const {
    return static_cast<std::uint64_t>(&c - connections_.data()) << 1 | static_cast<std::uint64_t>(k);
  }

  void dial(connection& c) {
    if (settings_.udp != 0) {
      c.fd = bench::connect_udp(static_cast<std::uint16_t>(settings_.port));
      bench::prepare_receive(ring_.next(), c.fd, tag(c, kind::received));
      return;
    }
    // Other source addresses than one: closed connections keep their ports for a minute.
    c.fd = bench::connect_to(static_cast<std::uint16_t>(settings_.port), mode("churn") ? 2 + dialled_++ % 32 : 0);
    c.sending = false;
    if (settings_.websocket != 0) bench::websocket_handshake(c.fd);
    bench::prepare_receive(ring_.next(), c.fd, tag(c, kind::received), mode("churn"));
  }

  void publish() {
    published_ = now_ns();
    outstanding_ = connections_.size();
    connections_.front().owed = 1;
    send(connections_.front());
  }

  void check(const connection& c, const char* data, std::size_t size) const {
    for (std::size_t at = c.received; size != 0; at = 0) {
      const std::size_t some = std::min(size, answer_.size() - at);
      if (std::memcmp(data, answer_.data() + at, some) != 0) {
        std::fprintf(stderr, "load: the server answers something else\n");
        std::exit(3);
      }
      data += some;
      size -= some;
    }
  }

  void send(connection& c) {
    if (c.owed == 0 || c.sending) return;
    const std::uint32_t count = std::min(c.owed, most_at_once_);
    c.owed -= count;
    c.sending = true;
    bench::prepare_send(ring_.next(), c.fd, requests_.data(), count * request_bytes_, tag(c, kind::sent));
  }

  void step() {
    constexpr std::uint64_t patience = 20'000'000;
    if (mode("paced")) send_due();
    if (settings_.spin != 0) {
      ring_.enter_watching(mode("paced") ? until_due() : patience, mode("paced") ? 1 : patience);
    } else {
      ring_.enter(1, mode("paced") ? until_due() : patience);
    }
    ring_.drain([this](const io_uring_cqe& completion) {
      connection& c = connections_[completion.user_data >> 1];
      if (static_cast<kind>(completion.user_data & 1) == kind::sent) {
        sent(c, completion.res);
      } else {
        received(c, completion);
      }
    });
  }

  [[nodiscard]] std::uint64_t until_due() const {
    const std::uint64_t now = now_ns();
    return now < next_due_ ? next_due_ - now : 1;
  }

  void send_due() {
    const auto interval = static_cast<std::uint64_t>(1e9 / settings_.rate);
    for (; next_due_ <= now_ns(); next_due_ += interval) {
      connection& c = connections_[next_paced_++ % connections_.size()];
      c.begun.push_back(next_due_);
      ++c.owed;
      send(c);
    }
  }

  void sent(connection& c, int result) {
    c.sending = false;
    if (result < 0) return fail(result);
    if (mode("sink")) {
      done_ += result / mebibyte;
      c.owed = 1;
    }
    send(c);
  }

  void received(connection& c, const io_uring_cqe& completion) {
    const bool armed = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.res > 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      if (!answer_.empty()) check(c, buffers_.at(buffer), static_cast<std::size_t>(completion.res));
      buffers_.give_back(buffer);
      if (mode("source")) {
        done_ += completion.res / mebibyte;
      } else {
        responses(c, static_cast<std::uint32_t>(completion.res));
        if (mode("churn") && c.begun.empty()) return renew(c);
      }
    } else if (completion.res != -ENOBUFS) {
      return fail(completion.res);
    }
    if (!armed) bench::prepare_receive(ring_.next(), c.fd, tag(c, kind::received), mode("churn"));
  }

  void responses(connection& c, std::uint32_t bytes) {
    const std::uint64_t now = now_ns();
    for (c.received += bytes; c.received >= answer_bytes_; c.received -= answer_bytes_) {
      if (mode("broadcast")) {
        latencies_.add(now - published_);
        ++done_;
        if (--outstanding_ == 0) publish();
        continue;
      }
      latencies_.add(now - c.begun.front());
      c.begun.pop_front();
      ++done_;
      if (mode("echo")) {
        c.begun.push_back(now);
        ++c.owed;
      }
    }
    send(c);
  }

  void renew(connection& c) {
    close(c.fd);
    c.begun.push_back(now_ns());
    c.owed = 1;
    dial(c);
    send(c);
  }

  void fail(int result) {
    std::fprintf(stderr, "load: a connection ended: %s\n",
                 result == 0 ? "closed by the server" : std::strerror(-result));
    std::exit(3);
  }

  void report_memory(double before) {
    for (const std::uint64_t end = now_ns() + 30'000'000'000U; done_ < settings_.connections && now_ns() < end;) step();
    bench::report_memory(of_, done_, settings_.connections, before);
  }

  settings settings_;
  bench::measured of_;
  std::vector<connection> connections_;
  std::uint32_t request_bytes_ = 0;
  std::uint32_t answer_bytes_ = 0;
  std::uint32_t most_at_once_ = 1;
  std::string requests_;
  std::string answer_;  // of a WebSocket
  std::uint64_t published_ = 0;
  std::size_t outstanding_ = 0;  // of what was published
  std::uint32_t dialled_ = 0;
  std::uint64_t next_due_ = 0;
  std::size_t next_paced_ = 0;
  double done_ = 0;
  bench::histogram latencies_;
  bench::ring ring_{4096, 32768};
  bench::buffer_ring buffers_{ring_, 4096, 16384};
};

}  // namespace

int main(int argc, char** argv) {
  settings s;
  bench::read_options(argc, argv,
                      {{.name = "--mode", .text = &s.mode},
                       {.name = "--port", .number = &s.port},
                       {.name = "--connections", .number = &s.connections},
                       {.name = "--bytes", .number = &s.bytes},
                       {.name = "--pipeline", .number = &s.pipeline},
                       {.name = "--rate", .number = &s.rate},
                       {.name = "--seconds", .number = &s.seconds},
                       {.name = "--warm-up", .number = &s.warm_up},
                       {.name = "--server", .number = &s.server},
                       {.name = "--server-core", .number = &s.server_core},
                       {.name = "--core", .number = &s.core},
                       {.name = "--spin", .number = &s.spin},
                       {.name = "--udp", .number = &s.udp},
                       {.name = "--websocket", .number = &s.websocket},
                       {.name = "--http", .text = &s.http}});
  if (s.core >= 0) bench::pin_to(static_cast<int>(s.core));
  load(s).run();
}
