// SPDX-License-Identifier: MIT
//
// Boost.Beast's HTTP server with C++20 coroutines: beast_http PORT. One thread, on epoll; as its own example, with the
// time limit of that.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> serve_one(beast::tcp_stream stream) {
  beast::flat_buffer buffer;
  try {
    for (;;) {
      stream.expires_after(std::chrono::seconds(30));
      http::request<http::string_body> request;
      co_await http::async_read(stream, buffer, request, use_awaitable);
      http::response<http::string_body> response(http::status::ok, request.version());
      response.set(http::field::date, "Sun, 06 Nov 1994 08:49:37 GMT");
      response.set(http::field::content_type, "text/plain");
      response.keep_alive(request.keep_alive());
      response.body() = "hello\n";
      response.prepare_payload();
      co_await http::async_write(stream, response, use_awaitable);
      if (!response.keep_alive()) break;
    }
  } catch (const std::exception&) {
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  for (;;) {
    auto peer = co_await acceptor.async_accept(use_awaitable);
    peer.set_option(tcp::no_delay(true));
    const auto executor = peer.get_executor();
    asio::co_spawn(executor, serve_one(beast::tcp_stream(std::move(peer))), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context context(1);
  const auto port = static_cast<unsigned short>(std::atoi(argc > 1 ? argv[1] : "7000"));
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), port));
  acceptor.listen(4096);
  asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
  context.run();
}
