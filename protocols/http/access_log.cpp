// SPDX-License-Identifier: MIT
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <signal.h>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/protocols/http/access_log.hpp>
#include <wring/protocols/http/detail/access_line.hpp>

namespace wring::http {

namespace {

int open_to_append(const std::string& path) noexcept {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

net::descriptor opened(const std::string& path) {
  net::descriptor fd(open_to_append(path));
  if (fd.get() < 0) throw std::system_error(errno, std::system_category(), "open the access log \"" + path + "\"");
  return fd;
}

const access_log_options& checked(const access_log_options& options) {
  if (options.buffer < detail::longest_access_line) {
    throw std::invalid_argument("access_log_options::buffer is too small for a line: it must be 16 KiB or more");
  }
  return options;
}

}  // namespace

/// The thread, and the lines that wait for it.
class access_log::writer {
 public:
  writer(net::descriptor to, std::string path, std::size_t limit)
      : path_(std::move(path)), fd_(std::move(to)), limit_(limit) {
    waiting_.reserve(limit);
    writing_.reserve(limit);
    // Signals are for the program's threads.
    ::sigset_t all;
    ::sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (...) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;
  ~writer() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void add(std::string_view line) {
    std::unique_lock lock(mutex_);
    if (line.size() > limit_ - waiting_.size()) {
      dropped.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    const std::size_t before = waiting_.size();
    waiting_ += line;
    ++lines_;
    const bool wakes = before == 0 || (before < limit_ / 2 && waiting_.size() >= limit_ / 2);
    lock.unlock();
    if (wakes) changed_.notify_one();
  }

  void reopen() noexcept {
    {
      const std::lock_guard lock(mutex_);
      reopening_ = !path_.empty();
    }
    changed_.notify_one();
  }

  std::atomic<std::uint64_t> dropped = 0;

 private:
  void run() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || reopening_ || !waiting_.empty(); });
      // More lines come soon: a write for each would cost the processors that serve.
      constexpr std::chrono::milliseconds gathering(20);
      changed_.wait_for(lock, gathering, [this] { return ending_ || reopening_ || waiting_.size() >= limit_ / 2; });
      const bool ends = ending_;
      const bool reopens = std::exchange(reopening_, false);
      const std::uint64_t lines = std::exchange(lines_, 0);
      writing_.swap(waiting_);
      lock.unlock();
      // What was logged before the request to reopen may go to either file.
      if (reopens) open_again();
      write_out(lines);
      writing_.clear();
      lock.lock();
      if (ends && waiting_.empty()) return;
    }
  }

  void open_again() noexcept {
    net::descriptor anew(open_to_append(path_));
    if (anew.get() < 0) {
      log::error("the access log cannot be opened anew", {"path", path_}, {"errno", errno});
      return;
    }
    fd_ = std::move(anew);
  }

  void write_out(std::uint64_t lines) noexcept {
    std::string_view left = writing_;
    while (!left.empty()) {
      const ::ssize_t written = ::write(fd_.get(), left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        if (!std::exchange(failing_, true)) log::error("the access log cannot be written", {"errno", errno});
        dropped.fetch_add(lines, std::memory_order_relaxed);  // some may have been written
        return;
      }
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    failing_ = false;
  }

  const std::string path_;
  net::descriptor fd_;  // the thread's, as writing_ and failing_
  const std::size_t limit_;
  std::mutex mutex_;  // of what follows; held for the copy of a line at most
  std::condition_variable changed_;
  std::string waiting_;
  std::uint64_t lines_ = 0;
  bool reopening_ = false;
  bool ending_ = false;
  std::string writing_;
  bool failing_ = false;
  std::thread thread_;
};

access_log::access_log(std::string path, const access_log_options& options) : options_(checked(options)) {
  net::descriptor fd = opened(path);
  writer_ = std::make_unique<writer>(std::move(fd), std::move(path), options.buffer);
}

access_log::access_log(net::descriptor to, const access_log_options& options)
    : options_(checked(options)), writer_(std::make_unique<writer>(std::move(to), std::string(), options.buffer)) {}

access_log::~access_log() = default;

void access_log::reopen() noexcept { writer_->reopen(); }

std::uint64_t access_log::dropped() const noexcept { return writer_->dropped.load(std::memory_order_relaxed); }

void access_log::record(const access_record& r) noexcept {
  thread_local std::string line;  // its memory is kept
  try {
    line.clear();
    detail::append_access_line(line, r, options_.format);
    writer_->add(line);
  } catch (...) {
    writer_->dropped.fetch_add(1, std::memory_order_relaxed);  // no memory
  }
}

}  // namespace wring::http
