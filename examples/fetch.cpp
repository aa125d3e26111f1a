// SPDX-License-Identifier: MIT
//
// Fetches URLs with libcurl, all at the same time.
//
//     $ fetch http://127.0.0.1:8000/a http://127.0.0.1:8000/b
//     200     1270  http://127.0.0.1:8000/a
//     404      335  http://127.0.0.1:8000/b
//
// libcurl is a library of the kind that does not wait itself. It says which descriptors it wants to know of, and what
// timer it wants set, through callbacks; it is told when there is something, and says through another what has ended.
// `multi` joins that to the scheduler:
//
// - a descriptor is waited for by a task, with `readable` and `writable`;
// - the timer is a `delayed_call`;
// - the end of a transfer is a completion callback, so `from_callback` makes it awaitable.
//
// The transfers are ordinary tasks then, with deadlines and cancellation.

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <curl/curl.h>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/callback.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

using wring::task;

/// A duplicate of a descriptor of curl's. Curl closes its own whenever it likes, but the one that is waited for has to
/// stay open until the wait has ended: so it is this one.
class descriptor {
 public:
  explicit descriptor(int of) : fd_(::fcntl(of, F_DUPFD_CLOEXEC, 0)) {
    if (fd_ < 0) wring::error::from_errno(errno, "duplicate a descriptor").raise();
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { ::close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

using easy_handle = std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)>;

/// Curl's "multi" handle, driven by the scheduler. Must outlive what `transfer` returns, and `watchers` as well.
class multi {
 public:
  /// The tasks that wait for descriptors run in `watchers`.
  explicit multi(wring::nursery& watchers) : watchers_(watchers), handle_(::curl_multi_init(), ::curl_multi_cleanup) {
    if (handle_ == nullptr) throw std::runtime_error("curl_multi_init failed");
    ::curl_multi_setopt(handle_.get(), CURLMOPT_SOCKETFUNCTION, &multi::watch);
    ::curl_multi_setopt(handle_.get(), CURLMOPT_SOCKETDATA, this);
    ::curl_multi_setopt(handle_.get(), CURLMOPT_TIMERFUNCTION, &multi::set_timer);
    ::curl_multi_setopt(handle_.get(), CURLMOPT_TIMERDATA, this);
  }
  multi(const multi&) = delete;
  multi& operator=(const multi&) = delete;
  ~multi() {
    ::curl_multi_setopt(handle_.get(), CURLMOPT_SOCKETFUNCTION, nullptr);
    ::curl_multi_setopt(handle_.get(), CURLMOPT_TIMERFUNCTION, nullptr);
    if (timer_.active()) timer_.cancel();
  }

  /// Runs one transfer. Cancelled, it removes the transfer from curl.
  wring::deferred<CURLcode> transfer(CURL* easy) {
    return wring::from_callback<CURLcode>(
        [&](wring::completion_callback<CURLcode> done) {
          const CURLMcode code = ::curl_multi_add_handle(handle_.get(), easy);
          if (code != CURLM_OK) throw std::runtime_error(::curl_multi_strerror(code));
          // A pointer is all that curl keeps for us. It is taken back below, once: there is one end of a transfer.
          ::curl_easy_setopt(easy, CURLOPT_PRIVATE, done.release());
        },
        [this, easy] { end(easy); });
  }

 private:
  using done_callback = wring::completion_callback<CURLcode>;

  struct watch_state {
    std::shared_ptr<descriptor> fd;
    wring::child_handle task;
  };

  /// Takes the transfer out of curl, and its callback back.
  done_callback end(CURL* easy) {
    char* done = nullptr;
    ::curl_easy_getinfo(easy, CURLINFO_PRIVATE, &done);
    ::curl_multi_remove_handle(handle_.get(), easy);
    return done_callback::adopt(done);
  }

  /// Tells curl that a descriptor is ready, or the timer has fired; curl then reports which transfers have ended.
  void act(curl_socket_t fd, int events) {
    int running = 0;
    ::curl_multi_socket_action(handle_.get(), fd, events, &running);
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(handle_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode result = message->data.result;
      end(message->easy_handle)(result);
    }
  }

  /// Curl calls this when it wants to know something else of a descriptor than before.
  static int watch(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    try {
      static_cast<multi*>(self)->change_watch(fd, what);
      return 0;
    } catch (const std::exception& e) {
      wring::log::error("cannot wait for a descriptor", {"error", e.what()});
      return -1;
    }
  }

  void change_watch(curl_socket_t fd, int what) {
    watch_state& state = watched_[fd];
    state.task.cancel();
    if (what == CURL_POLL_REMOVE) {
      watched_.erase(fd);
      return;
    }
    if (state.fd == nullptr) state.fd = std::make_shared<descriptor>(fd);
    state.task = watchers_.start(&multi::wait_for, this, fd, what, state.fd);
  }

  /// Tells curl whenever the descriptor is ready, until cancelled.
  task<> wait_for(curl_socket_t fd, int what, std::shared_ptr<descriptor> mine) {
    for (;;) {
      int events = 0;
      if (what == CURL_POLL_INOUT) {
        const auto ready = co_await wring::when_any(wring::readable(mine->get()), wring::writable(mine->get()));
        events = (std::get<0>(ready) ? CURL_CSELECT_IN : 0) | (std::get<1>(ready) ? CURL_CSELECT_OUT : 0);
      } else if (what == CURL_POLL_OUT) {
        co_await wring::writable(mine->get());
        events = CURL_CSELECT_OUT;
      } else {
        co_await wring::readable(mine->get());
        events = CURL_CSELECT_IN;
      }
      act(fd, events);  // which may cancel this very task
    }
  }

  /// Curl calls this when it wants its timer set: in `milliseconds`, or not at all. It must not be called back from
  /// here, which call_later never does.
  static int set_timer(CURLM*, long milliseconds, void* self) noexcept {
    auto& m = *static_cast<multi*>(self);
    if (m.timer_.active()) m.timer_.cancel();
    if (milliseconds >= 0) {
      m.timer_ = wring::call_later(std::chrono::milliseconds(milliseconds), [&m] { m.act(CURL_SOCKET_TIMEOUT, 0); });
    }
    return 0;
  }

  wring::nursery& watchers_;
  std::map<curl_socket_t, watch_state> watched_;
  wring::delayed_call timer_;
  std::unique_ptr<CURLM, decltype(&::curl_multi_cleanup)> handle_;
};

struct response {
  long status = 0;
  std::string body;
};

struct settings {
  wring::duration timeout = std::chrono::seconds(10);
  std::size_t limit = std::size_t{16} << 20;
  bool show_body = false;
  std::vector<std::string> urls;
};

/// What curl's write callback adds to.
struct body_buffer {
  std::string text;
  std::size_t limit;

  static std::size_t add(char* data, std::size_t, std::size_t size, void* to) noexcept {
    auto& buffer = *static_cast<body_buffer*>(to);
    if (size > buffer.limit - buffer.text.size()) return 0;  // fails the transfer
    buffer.text.append(data, size);
    return size;
  }
};

/// Fetches one URL.
task<response> fetch(multi& curl, std::string url, const settings& chosen) {
  const easy_handle easy(::curl_easy_init(), ::curl_easy_cleanup);
  if (easy == nullptr) throw std::runtime_error("curl_easy_init failed");
  body_buffer body{.text = {}, .limit = chosen.limit};
  ::curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &body_buffer::add);
  ::curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  ::curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  const CURLcode result = co_await wring::with_timeout(chosen.timeout, curl.transfer(easy.get()));
  if (result == CURLE_WRITE_ERROR) throw std::runtime_error(fmt::format("the body exceeds {} bytes", chosen.limit));
  if (result != CURLE_OK) throw std::runtime_error(::curl_easy_strerror(result));
  response got;
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &got.status);
  got.body = std::move(body.text);
  co_return got;
}

/// Fetches one URL and prints the outcome.
task<> fetch_and_print(multi& curl, std::string url, const settings& chosen, bool& all_well) {
  try {
    const response got = co_await fetch(curl, url, chosen);
    fmt::print("{} {:8}  {}\n", got.status, got.body.size(), url);
    if (chosen.show_body) fmt::print("{}", got.body);
    std::fflush(stdout);
    if (got.status >= 400) all_well = false;
  } catch (const std::exception& e) {
    fmt::print(stderr, "fetch: {}: {}\n", url, e.what());
    all_well = false;
  }
}

/// Fetches all URLs. Returns whether all succeeded.
task<bool> fetch_all(const settings& chosen) {
  bool all_well = true;
  wring::nursery watchers;
  std::unique_ptr<multi> curl;
  co_await watchers.run([&]() -> task<> {
    curl = std::make_unique<multi>(watchers);
    co_await wring::with_nursery([&](wring::nursery& transfers) -> task<> {
      for (const std::string& url : chosen.urls) {
        transfers.start(fetch_and_print, std::ref(*curl), url, std::cref(chosen), std::ref(all_well));
      }
      co_return;
    });
    watchers.cancel();
  });
  co_return all_well;
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

task<int> fetch_main(settings chosen) {
  const bool all_well = co_await fetch_all(chosen);
  co_return all_well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Fetches URLs with libcurl, all at the same time, and prints status, size and URL of each as it comes. Exits "
      "with 1 if one could not be fetched, or has a status of 400 or more.");
  options.time("--timeout", chosen.timeout, "how long each may take", std::chrono::milliseconds(1));
  options.size("--limit", chosen.limit, "how large each may be", 1);
  options.flag("--body", chosen.show_body, "print what was fetched, too");
  options.list("URL", chosen.urls, "what to fetch");
  options.read(argc, argv);
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    fmt::print(stderr, "fetch: libcurl cannot be used: curl_global_init failed\n");
    return 1;
  }
  const int code = wring::run({.grace = std::chrono::seconds(0)}, fetch_main, chosen);
  ::curl_global_cleanup();
  return code;
}
#endif
