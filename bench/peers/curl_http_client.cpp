// SPDX-License-Identifier: MIT
//
// libcurl's multi interface, driven by epoll as its documentation recommends for many transfers: curl_http_client with
// the options of bench_http_client. Each transfer is added again when it has ended; the connections are kept.

#include <array>
#include <curl/curl.h>
#include <string>
#include <sys/epoll.h>
#include <vector>

#include "common/client_window.hpp"

namespace {

struct loop {
  CURLM* multi = curl_multi_init();
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  long timeout = -1;  // milliseconds
};

int watch_socket(CURL*, curl_socket_t socket, int what, void* of, void* known) {
  auto* l = static_cast<loop*>(of);
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, socket, nullptr);
    curl_multi_assign(l->multi, socket, nullptr);
    return 0;
  }
  epoll_event e{};
  if ((what & CURL_POLL_IN) != 0) e.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) e.events |= EPOLLOUT;
  e.data.fd = socket;
  epoll_ctl(l->epoll, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &e);
  curl_multi_assign(l->multi, socket, l);
  return 0;
}

int set_timeout(CURLM*, long timeout, void* of) {
  static_cast<loop*>(of)->timeout = timeout;
  return 0;
}

std::size_t take_body(char* data, std::size_t one, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, one * count);
  return one * count;
}

CURL* make_transfer(const std::string& url, std::string& body) {
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &body);
  return easy;
}

void check(const CURLMsg& ended) {
  long status = 0;
  char* of = nullptr;
  curl_easy_getinfo(ended.easy_handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(ended.easy_handle, CURLINFO_PRIVATE, &of);
  auto& body = *reinterpret_cast<std::string*>(of);
  if (ended.data.result != CURLE_OK || status != 200 || body != "hello\n") {
    bench::client_window::fail("another answer than hello");
  }
  body.clear();
}

}  // namespace

int main(int argc, char** argv) {
  const bench::client_options o(argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  loop l;
  curl_multi_setopt(l.multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
  curl_multi_setopt(l.multi, CURLMOPT_SOCKETDATA, &l);
  curl_multi_setopt(l.multi, CURLMOPT_TIMERFUNCTION, set_timeout);
  curl_multi_setopt(l.multi, CURLMOPT_TIMERDATA, &l);
  curl_multi_setopt(l.multi, CURLMOPT_MAXCONNECTS, static_cast<long>(o.connections));
  const std::string url = "http://127.0.0.1:" + std::to_string(static_cast<int>(o.port)) + "/";
  std::vector<std::string> bodies(static_cast<std::size_t>(o.connections));
  bench::client_window window(o);
  for (std::string& body : bodies) curl_multi_add_handle(l.multi, make_transfer(url, body));
  std::array<epoll_event, 64> events{};
  for (;;) {
    int running = 0;
    const int count = epoll_wait(l.epoll, events.data(), events.size(), static_cast<int>(l.timeout));
    if (count == 0) {
      l.timeout = -1;
      curl_multi_socket_action(l.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (int i = 0; i < count; ++i) {
      const std::uint32_t got = events[static_cast<std::size_t>(i)].events;
      const int what = ((got & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                       ((got & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) | ((got & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(l.multi, events[static_cast<std::size_t>(i)].data.fd, what, &running);
    }
    int left = 0;
    while (const CURLMsg* ended = curl_multi_info_read(l.multi, &left)) {
      CURL* const easy = ended->easy_handle;
      check(*ended);
      if (!window.count()) return 0;
      curl_multi_remove_handle(l.multi, easy);
      curl_multi_add_handle(l.multi, easy);
    }
  }
}
