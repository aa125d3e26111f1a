// SPDX-License-Identifier: MIT
//
// Counts what a server's process does for a request, exactly, with no help from the processor: it traces the process
// while it keeps a closed loop of echo requests going. Prints one line of JSON.
//
//     count --server PID --port 7000 --what instructions|calls|allocations [--connections N] [--bytes N] [--requests N]
//     [--udp 1] [--http hello|browser]
//
//     instructions   those of user space, by stepping through them one by one
//     calls          system calls; tracing makes the server slow, so that with many connections it always finds
//                    requests waiting: these are its calls under full load
//     allocations    of a server started with the allocations module preloaded, whose file `--file` names

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <thread>
#include <utility>
#include <vector>

#include "common/http_exchange.hpp"
#include "common/options.hpp"
#include "common/sockets.hpp"

namespace {

/// Keeps one request under way on each of its connections.
class client {
 public:
  /// Sends `text`, and expects `answer` bytes for each.
  client(std::uint16_t port, std::size_t connections, std::string text, std::size_t answer, bool udp)
      : request_(std::move(text)), answer_(answer), buffer_(65536), received_(connections) {
    for (std::size_t i = 0; i < connections; ++i) {
      polled_.push_back(
          {.fd = udp ? bench::connect_udp(port) : bench::connect_to(port), .events = POLLIN, .revents = 0});
      request(polled_.back().fd);
    }
  }

  /// Returns after `wanted` responses more.
  void run(std::uint64_t wanted) {
    while (wanted > 0) {
      if (poll(polled_.data(), polled_.size(), -1) < 0) bench::die("poll");
      for (std::size_t i = 0; i < polled_.size() && wanted > 0; ++i) {
        if (polled_[i].revents != 0 && responded(i)) {
          --wanted;
          request(polled_[i].fd);
        }
      }
    }
  }

 private:
  void request(int fd) {
    if (send(fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) bench::die("send");
  }
  bool responded(std::size_t i) {
    const ssize_t got = recv(polled_[i].fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) bench::die("recv");
    received_[i] += static_cast<std::size_t>(got);
    if (received_[i] < answer_) return false;
    received_[i] = 0;
    return true;
  }

  std::string request_;
  std::size_t answer_;
  std::vector<char> buffer_;
  std::vector<std::size_t> received_;
  std::vector<pollfd> polled_;
};

std::atomic<std::uint64_t> counted = 0;
std::atomic<bool> finished = false;

std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> threads;
  const std::string folder = "/proc/" + std::to_string(process) + "/task";
  if (DIR* open = opendir(folder.c_str())) {
    while (const dirent* entry = readdir(open)) {
      if (entry->d_name[0] != '.') threads.push_back(std::atoi(entry->d_name));
    }
    closedir(open);
  }
  return threads;
}

/// Traces every thread of the process, by step or by system call, until `finished`. What io_uring runs in threads of
/// the kernel's own shows as threads too, and cannot be traced.
void trace(pid_t process, bool by_step) {
  const auto request = by_step ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
  std::size_t traced = 0;
  for (const pid_t thread : threads_of(process)) {
    if (ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) != 0) continue;
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    ++traced;
  }
  if (traced == 0) bench::die("ptrace");
  for (;;) {
    int status = 0;
    const pid_t thread = waitpid(-1, &status, __WALL);
    if (thread == process && !WIFSTOPPED(status)) bench::die("the server ended");
    if (thread < 0) bench::die("waitpid");
    if (finished) break;
    if (!WIFSTOPPED(status)) continue;
    const bool event = status >> 16 != 0;
    const bool trap = (WSTOPSIG(status) & 0x7f) == SIGTRAP;
    if (trap && !event) ++counted;
    ptrace(request, thread, nullptr, trap || event ? 0L : long{WSTOPSIG(status)});
  }
  for (const pid_t thread : threads_of(process)) {
    if (ptrace(PTRACE_DETACH, thread, nullptr, nullptr) == 0) continue;
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    if (waitpid(thread, nullptr, __WALL) == thread) ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
  }
}

/// Runs the requests, and how many events each took: after a few that are not counted.
double per_request(client& c, std::uint64_t requests, std::uint64_t warm_up, const std::atomic<std::uint64_t>& events) {
  c.run(warm_up);
  usleep(20'000);
  const std::uint64_t before = events;
  c.run(requests);
  usleep(20'000);
  return static_cast<double>(events - before) / static_cast<double>(requests);
}

const std::atomic<std::uint64_t>& map_allocations(std::string_view file) {
  const int fd = open(std::string(file).c_str(), O_RDONLY | O_CLOEXEC);
  void* page = mmap(nullptr, sizeof(std::uint64_t), PROT_READ, MAP_SHARED, fd, 0);
  if (fd < 0 || page == MAP_FAILED) bench::die("the file of allocations");
  return *static_cast<const std::atomic<std::uint64_t>*>(page);
}

}  // namespace

int main(int argc, char** argv) {
  double server = 0;
  double port = 7000;
  double connections = 1;
  double bytes = 64;
  double requests = 20;
  double udp = 0;
  std::string_view http;
  std::string_view what = "calls";
  std::string_view file;
  bench::read_options(argc, argv,
                      {{.name = "--server", .number = &server},
                       {.name = "--port", .number = &port},
                       {.name = "--what", .text = &what},
                       {.name = "--connections", .number = &connections},
                       {.name = "--bytes", .number = &bytes},
                       {.name = "--requests", .number = &requests},
                       {.name = "--udp", .number = &udp},
                       {.name = "--http", .text = &http},
                       {.name = "--file", .text = &file}});
  std::string request(static_cast<std::size_t>(bytes), 'x');
  std::size_t answer = request.size();
  if (!http.empty()) {
    request = bench::http_request(http);
    answer = bench::http_answer_size(static_cast<std::uint16_t>(port), request);
  }
  client c(static_cast<std::uint16_t>(port), static_cast<std::size_t>(connections), request, answer, udp != 0);
  const auto wanted = static_cast<std::uint64_t>(requests);
  c.run(2000);  // caches, pools and compilers at run time are warm
  double result = 0;
  if (what == "allocations") {
    result = per_request(c, wanted, 0, map_allocations(file));
  } else {
    std::thread traffic([&] {
      result = per_request(c, wanted, static_cast<std::uint64_t>(connections) * 5, counted);
      finished = true;
      c.run(1);  // so that the tracer, which waits for an event, sees it
    });
    trace(static_cast<pid_t>(server), what == "instructions");
    traffic.join();
    if (what == "calls") result /= 2;  // a call stops twice: where it begins and where it ends
  }
  std::printf("{\"%.*s\":%.4f}\n", static_cast<int>(what.size()), what.data(), result);
}
