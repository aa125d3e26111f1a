// SPDX-License-Identifier: MIT
//
// What files cost beside the system calls that programs by hand make. Prints a line of JSON for each:
//
//     bench_files [--rounds N] [--send N] [--read N]
//
//     send_file   1 MiB of a cached file to a connection on loopback, beside a blocking sendfile(2). The receiver is
//                 another process; `copied` is the same with send_file_options::copied
//     read_at     4 KiB of a cached file, 16 reads under way, beside pread(2)
//
// The times are the process's, in microseconds for each file or read, and medians over the rounds, which take turns.
// `ratio` is the median of the rounds' ratios.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <linux/sockios.h>
#include <span>
#include <string>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <wring/wring.hpp>

#include "common/options.hpp"
#include "common/sockets.hpp"

namespace {

namespace net = wring::net;
using wring::task;

constexpr std::size_t file_size = std::size_t{1} << 20;
constexpr std::size_t read_size = 4096;
constexpr std::size_t reads_at_once = 16;

double cpu_us() noexcept {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// What rounds of one thing cost, and its ratios to the floor's.
struct series {
  std::vector<double> cost;
  std::vector<double> ratio;

  void add(double each, double floor) {
    cost.push_back(each);
    ratio.push_back(each / floor);
  }
};

/// A process that accepts connections, and drops what comes.
class receiver {
 public:
  explicit receiver(unsigned connections) {
    const int listener = bench::listen_on(0);
    sockaddr_in name{};
    socklen_t size = sizeof name;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size) != 0) bench::die("getsockname");
    port_ = ntohs(name.sin_port);
    child_ = ::fork();
    if (child_ < 0) bench::die("fork");
    if (child_ != 0) {
      ::close(listener);
      return;
    }
    // Each in a process of its own, so that all that it does is to receive.
    for (unsigned i = 0; i != connections; ++i) {
      const int fd = ::accept(listener, nullptr, nullptr);
      if (fd < 0) bench::die("accept");
      const pid_t one = ::fork();
      if (one < 0) bench::die("fork");
      if (one != 0) {
        ::close(fd);
        continue;
      }
      std::vector<char> dropped(std::size_t{256} * 1024);
      while (::recv(fd, dropped.data(), dropped.size(), MSG_TRUNC) > 0) {
      }
      ::_exit(0);
    }
    while (::wait(nullptr) > 0) {
    }
    ::_exit(0);
  }
  receiver(const receiver&) = delete;
  receiver& operator=(const receiver&) = delete;
  ~receiver() { ::waitpid(child_, nullptr, 0); }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// Blocks until all has been passed on.
void send_by_hand(int to, int from) {
  ::off_t at = 0;
  while (static_cast<std::size_t>(at) != file_size) {
    if (::sendfile(to, from, &at, file_size - static_cast<std::size_t>(at)) <= 0) bench::die("sendfile");
  }
}

/// Returns once the receiver has all: what is still to be sent costs this process, too, and is not to be counted as the
/// next one's.
void settle(int to) {
  for (int left = 1; left != 0;) {
    if (::ioctl(to, SIOCOUTQ, &left) != 0) bench::die("SIOCOUTQ");
    if (left != 0) ::usleep(100);
  }
}

task<double> send(net::tcp_stream& to, net::file& from, unsigned count, net::send_file_options options) {
  const double began = cpu_us();
  for (unsigned i = 0; i != count; ++i) static_cast<void>(co_await net::send_file(to, from, options));
  settle(to.native_handle());
  co_return (cpu_us() - began) / count;
}

task<> measure_sending(std::string path, std::uint16_t port, unsigned rounds, unsigned count) {
  net::file from = co_await net::open_file(path);
  const int by_hand = bench::connect_to(port);
  const net::socket_address address(net::ip_address::loopback_v4, port);
  net::tcp_stream stream = co_await net::connect_tcp(address);
  net::tcp_stream other = co_await net::connect_tcp(address);
  std::vector<double> floor;
  series sent;
  series copied;
  for (unsigned round = 0; round != rounds; ++round) {
    const double began = cpu_us();
    for (unsigned i = 0; i != count; ++i) send_by_hand(by_hand, from.native_handle());
    settle(by_hand);
    const double each = (cpu_us() - began) / count;
    const double plain = co_await send(stream, from, count, {});
    const double other_way = co_await send(other, from, count, {.copied = true});
    floor.push_back(each);
    sent.add(plain, each);
    copied.add(other_way, each);
  }
  ::close(by_hand);
  co_await stream.close();
  co_await other.close();
  std::printf(
      "{\"name\":\"send_file\",\"floor_us\":%.1f,\"wring_us\":%.1f,\"ratio\":%.3f,\"copied_us\":%.1f,"
      "\"copied_ratio\":%.3f}\n",
      median(floor), median(sent.cost), median(sent.ratio), median(copied.cost), median(copied.ratio));
}

/// Offsets that no reading ahead foresees.
class somewhere {
 public:
  explicit somewhere(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t operator()() noexcept {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % (file_size / read_size) * read_size;
  }

 private:
  std::uint64_t state_;
};

task<> read_some(net::file& from, std::uint64_t seed, unsigned count) {
  somewhere next(seed);
  std::array<std::byte, read_size> into;
  for (unsigned i = 0; i != count; ++i) {
    const std::size_t bytes = co_await from.read_at(next(), into);
    if (bytes != read_size) bench::die("read_at");
  }
}

task<> measure_reading(std::string path, unsigned rounds, unsigned count) {
  net::file from = co_await net::open_file(path);
  std::vector<double> floor;
  series read;
  for (unsigned round = 0; round != rounds; ++round) {
    double began = cpu_us();
    somewhere next(1);
    std::array<std::byte, read_size> into;
    for (unsigned i = 0; i != count; ++i) {
      if (::pread(from.native_handle(), into.data(), into.size(), static_cast<::off_t>(next())) !=
          static_cast<ssize_t>(read_size)) {
        bench::die("pread");
      }
    }
    const double each = (cpu_us() - began) / count;
    began = cpu_us();
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      for (std::size_t i = 0; i != reads_at_once; ++i) {
        n.start([&from, i, count]() -> task<> { return read_some(from, i, count / reads_at_once); });
      }
      co_return;
    });
    const double ours = (cpu_us() - began) / static_cast<double>(count / reads_at_once * reads_at_once);
    floor.push_back(each);
    read.add(ours, each);
  }
  std::printf("{\"name\":\"read_at\",\"floor_us\":%.3f,\"wring_us\":%.3f,\"ratio\":%.3f}\n", median(floor),
              median(read.cost), median(read.ratio));
}

}  // namespace

int main(int argc, char** argv) {
  double rounds = 15;
  double sends = 400;
  double reads = 160'000;
  bench::read_options(argc, argv,
                      {{.name = "--rounds", .number = &rounds},
                       {.name = "--send", .number = &sends},
                       {.name = "--read", .number = &reads}});
  if (rounds < 1 || sends < 1 || reads < reads_at_once) {
    std::fprintf(stderr, "bench_files: --rounds and --send must be at least 1, --read 16\n");
    return 2;
  }
  std::string path = "/tmp/bench_files-XXXXXX";
  const int fd = ::mkstemp(path.data());
  const std::string content(file_size, 'x');
  if (fd < 0 || ::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    bench::die(path.c_str());
  ::close(fd);
  const receiver to(3);
  const auto count = [](double given) { return static_cast<unsigned>(given); };
  const int ended = wring::run([&]() -> task<> {
    co_await measure_sending(path, to.port(), count(rounds), count(sends));
    co_await measure_reading(path, count(rounds), count(reads));
  });
  ::unlink(path.c_str());
  return ended;
}
