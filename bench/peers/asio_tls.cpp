// SPDX-License-Identifier: MIT
//
// Asio's TLS echo with C++20 coroutines: asio_tls PORT. One thread.

#include <asio/ssl.hpp>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <vector>

#include "asio.hpp"
#include "common/tls.hpp"

namespace {

using asio::use_awaitable;
using asio::ip::tcp;
using stream = asio::ssl::stream<tcp::socket>;

asio::awaitable<void> echo(stream peer) {
  std::vector<char> data(BENCH_BUFFER);
  try {
    co_await peer.async_handshake(stream::server, use_awaitable);
    for (;;) {
      const std::size_t got = co_await peer.async_read_some(asio::buffer(data), use_awaitable);
      co_await asio::async_write(peer, asio::buffer(data.data(), got), use_awaitable);
    }
  } catch (const std::exception&) {
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor, asio::ssl::context& context) {
  for (;;) {
    auto peer = co_await acceptor.async_accept(use_awaitable);
    peer.set_option(tcp::no_delay(true));
    const auto executor = peer.get_executor();
    asio::co_spawn(executor, echo(stream(std::move(peer), context)), asio::detached);
  }
}

}  // namespace

int main(int, char** argv) {
  asio::io_context loop(1);
  asio::ssl::context context(bench::tls_server_context());
  tcp::acceptor acceptor(
      loop, tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1]))));
  acceptor.listen(4096);
  asio::co_spawn(loop, serve(std::move(acceptor), context), asio::detached);
  loop.run();
}
