// SPDX-License-Identifier: MIT
//
// As `load`, over TLS 1.3: loads a server on loopback from one thread, and prints one line of JSON.
//
//     tls_load --port 7000 --server PID [--mode MODE] [--connections N] [--bytes N] ...
//
//     echo     each connection has a request of `--bytes` under way, always (a closed loop)
//     greet    each connection takes `--bytes` that the server sends first, is closed, and made anew, with a whole
//              handshake; `--tls 0`: without one
//     bulk     asks for /file by HTTP again and again, and takes as much as the server sends; an operation is a MiB
//     idle     one request of HTTP on each connection, then nothing: prints the server's memory for each

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/http_exchange.hpp"
#include "common/options.hpp"
#include "common/ring.hpp"
#include "common/tls.hpp"
#include "load/histogram.hpp"
#include "load/report.hpp"

namespace {

using bench::now_ns;

struct settings {
  std::string_view mode = "echo";
  double port = 7000;
  double connections = 64;
  double bytes = 64;
  double seconds = 0.5;  // what is measured
  double warm_up = 0.2;  // seconds before
  double server = 0;     // its process
  double server_core = 0;
  double core = -1;  // this program's
  double tls = 1;
};

constexpr double mebibyte = 1024.0 * 1024;
/// Asked for at once: more than a connection takes while it is measured.
constexpr int files_wanted = 512;

struct connection {
  int fd = -1;
  std::unique_ptr<bench::tls_end> tls;
  std::size_t received = 0;  // of the answer that is coming in
  std::uint64_t begun = 0;
  bool asked = false;
  bool sending = false;
};

enum class kind : std::uint64_t { received, sent };

class load {
 public:
  explicit load(const settings& s)
      : settings_(s),
        of_{static_cast<pid_t>(s.server), static_cast<int>(s.server_core), static_cast<int>(s.core)},
        context_(bench::tls_client_context()),
        connections_(static_cast<std::size_t>(s.connections)),
        answer_bytes_(static_cast<std::size_t>(s.bytes)) {
    if (mode("idle")) {
      request_ = bench::http_request("hello");
      answer_bytes_ = 1;  // whatever it is
    } else if (mode("bulk")) {
      for (int i = 0; i != files_wanted; ++i) request_ += "GET /file HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    } else if (mode("echo")) {
      for (std::size_t i = 0; i != answer_bytes_; ++i) request_ += static_cast<char>('a' + i % 26);
    }
  }

  void run() {
    const double memory_before = bench::resident_kib(of_.server);
    for (connection& c : connections_) {
      dial(c);
      // So many do not wait for a whole handshake, if they all come at once.
      if (mode("idle")) take_until(static_cast<double>(&c - connections_.data()) - 63, 10);
    }
    if (mode("idle")) {
      take_until(settings_.connections, 30);
      return bench::report_memory(of_, done_, settings_.connections, memory_before);
    }
    const std::uint64_t begin = now_ns() + static_cast<std::uint64_t>(settings_.warm_up * 1e9);
    const std::uint64_t end = begin + static_cast<std::uint64_t>(settings_.seconds * 1e9);
    while (now_ns() < begin) step();
    const bench::reading first(of_);
    latencies_.clear();
    done_ = 0;
    constexpr std::uint64_t grace = 10'000'000'000;  // as in `load`
    while (now_ns() < end || (done_ == 0 && now_ns() < end + grace)) step();
    bench::report(of_, done_, latencies_, first, bench::reading(of_));
  }

 private:
  [[nodiscard]] bool mode(std::string_view name) const { return settings_.mode == name; }
  [[nodiscard]] bool secured() const { return settings_.tls != 0; }

  void take_until(double wanted, std::uint64_t seconds) {
    for (const std::uint64_t end = now_ns() + seconds * 1'000'000'000U; done_ < wanted && now_ns() < end;) step();
  }

  std::uint64_t tag(const connection& c, kind k) const {
    return static_cast<std::uint64_t>(&c - connections_.data()) << 1 | static_cast<std::uint64_t>(k);
  }

  void dial(connection& c) {
    // Other source addresses than one: closed connections keep their ports for a minute.
    c.fd = bench::connect_to(static_cast<std::uint16_t>(settings_.port), mode("greet") ? 2 + dialled_++ % 32 : 0);
    c.begun = now_ns();
    c.received = 0;
    c.asked = false;
    if (secured()) {
      c.tls = std::make_unique<bench::tls_end>(context_, false);
      c.tls->shake();
      send(c);
    }
    receive(c);
  }

  /// Once where a connection is closed after its answer: a receive under way would keep it.
  void receive(connection& c) { bench::prepare_receive(ring_.next(), c.fd, tag(c, kind::received), mode("greet")); }

  void send(connection& c) {
    if (c.sending || !c.tls->has_output()) return;
    c.sending = true;
    const auto out = c.tls->take_output();
    bench::prepare_send(ring_.next(), c.fd, out.data(), static_cast<std::uint32_t>(out.size()), tag(c, kind::sent));
  }

  void ask(connection& c) {
    c.asked = true;
    c.begun = now_ns();
    if (!request_.empty()) c.tls->write(request_);
  }

  void step() {
    ring_.enter(1, 20'000'000);
    ring_.drain([this](const io_uring_cqe& completion) {
      connection& c = connections_[completion.user_data >> 1];
      if (static_cast<kind>(completion.user_data & 1) == kind::sent) {
        sent(c, completion.res);
      } else {
        received(c, completion);
      }
    });
  }

  void sent(connection& c, int result) {
    c.sending = false;
    if (result < 0) return fail(result);
    if (c.fd < 0) return dial(c);  // it was closed meanwhile
    send(c);
  }

  void received(connection& c, const io_uring_cqe& completion) {
    const bool armed = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.res > 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      take(c, {buffers_.at(buffer), static_cast<std::size_t>(completion.res)});
      buffers_.give_back(buffer);
    } else if (completion.res != -ENOBUFS) {
      return fail(completion.res);
    }
    if (mode("greet") && c.received == answer_bytes_) return renew(c);
    if (!armed) receive(c);
  }

  void take(connection& c, std::span<const char> bytes) {
    if (!secured()) return answered(c, bytes.size());
    c.tls->feed(bytes);
    while (const std::size_t count = c.tls->read(data_)) answered(c, count);
    if (!c.asked && c.tls->shaken()) ask(c);
    send(c);
  }

  void answered(connection& c, std::size_t count) {
    c.received += count;
    if (mode("bulk")) {
      done_ += static_cast<double>(count) / mebibyte;
    } else if (c.received >= answer_bytes_) {
      const std::uint64_t now = now_ns();
      latencies_.add(now - c.begun);
      ++done_;
      if (!mode("echo")) return;
      c.received = 0;
      ask(c);
    }
  }

  void renew(connection& c) {
    close(c.fd);
    c.fd = -1;
    if (!c.sending) dial(c);
  }

  void fail(int result) {
    std::fprintf(stderr, "tls_load: a connection ended: %s\n",
                 result == 0 ? "closed by the server" : std::strerror(-result));
    std::exit(3);
  }

  settings settings_;
  bench::measured of_;
  SSL_CTX* context_;
  std::vector<connection> connections_;
  std::size_t answer_bytes_;
  std::string request_;
  std::array<char, 16384> data_;
  std::uint32_t dialled_ = 0;
  double done_ = 0;
  bench::histogram latencies_;
  bench::ring ring_{4096, 32768};
  bench::buffer_ring buffers_{ring_, 1024, 65536};
};

}  // namespace

int main(int argc, char** argv) {
  settings s;
  bench::read_options(argc, argv,
                      {{.name = "--mode", .text = &s.mode},
                       {.name = "--port", .number = &s.port},
                       {.name = "--connections", .number = &s.connections},
                       {.name = "--bytes", .number = &s.bytes},
                       {.name = "--seconds", .number = &s.seconds},
                       {.name = "--warm-up", .number = &s.warm_up},
                       {.name = "--server", .number = &s.server},
                       {.name = "--server-core", .number = &s.server_core},
                       {.name = "--core", .number = &s.core},
                       {.name = "--tls", .number = &s.tls}});
  if (s.core >= 0) bench::pin_to(static_cast<int>(s.core));
  load(s).run();
}
