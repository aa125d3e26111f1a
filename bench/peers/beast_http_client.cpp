// SPDX-License-Identifier: MIT
//
// Boost.Beast's HTTP client with C++20 coroutines: beast_http_client with the options of bench_http_client. One thread,
// on epoll; as its own example, with the time limit of that.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>
#include <string>

#include "common/client_window.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> ask(tcp::endpoint server, std::string host, bench::client_window& window) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  stream.expires_after(std::chrono::seconds(30));
  co_await stream.async_connect(server, use_awaitable);
  stream.socket().set_option(tcp::no_delay(true));
  beast::flat_buffer buffer;
  do {
    http::request<http::empty_body> request(http::verb::get, "/", 11);
    request.set(http::field::host, host);
    request.set(http::field::user_agent, "bench");
    stream.expires_after(std::chrono::seconds(30));
    co_await http::async_write(stream, request, use_awaitable);
    http::response<http::string_body> response;
    co_await http::async_read(stream, buffer, response, use_awaitable);
    if (response.result() != http::status::ok || response.body() != "hello\n") {
      bench::client_window::fail("another answer than hello");
    }
  } while (window.count());
}

}  // namespace

int main(int argc, char** argv) {
  const bench::client_options o(argc, argv);
  asio::io_context context(1);
  bench::client_window window(o);
  const tcp::endpoint server(asio::ip::address_v4::loopback(), static_cast<unsigned short>(o.port));
  const std::string host = "127.0.0.1:" + std::to_string(static_cast<int>(o.port));
  const auto ended = [&context](const std::exception_ptr& failure) {
    if (failure) bench::client_window::fail("a request has failed");
    context.stop();
  };
  for (int i = 0; i < static_cast<int>(o.connections); ++i) asio::co_spawn(context, ask(server, host, window), ended);
  context.run();
}
