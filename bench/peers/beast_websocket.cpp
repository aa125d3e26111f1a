// SPDX-License-Identifier: MIT
//
// Boost.Beast's WebSocket server with C++20 coroutines: beast_websocket PORT. One thread, on epoll; as its own example,
// with the time limits of that.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdlib>
#include <exception>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> echo(websocket::stream<beast::tcp_stream> stream) {
  try {
    stream.auto_fragment(false);  // the load compares answers byte by byte
    stream.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    co_await stream.async_accept(use_awaitable);
    beast::flat_buffer buffer;
    for (;;) {
      co_await stream.async_read(buffer, use_awaitable);
      stream.text(stream.got_text());
      co_await stream.async_write(buffer.data(), use_awaitable);
      buffer.consume(buffer.size());
    }
  } catch (const std::exception&) {
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  for (;;) {
    auto peer = co_await acceptor.async_accept(use_awaitable);
    peer.set_option(tcp::no_delay(true));
    const auto executor = peer.get_executor();
    asio::co_spawn(executor, echo(websocket::stream<beast::tcp_stream>(std::move(peer))), asio::detached);
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
