// SPDX-License-Identifier: MIT
//
// Asio's TCP server with C++20 coroutines: asio_awaitables PORT [echo|sink|source]. One thread.

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include "asio.hpp"

namespace {

using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> echo(tcp::socket peer) {
  std::vector<char> data(BENCH_BUFFER);
  try {
    for (;;) {
      const std::size_t got = co_await peer.async_read_some(asio::buffer(data), use_awaitable);
      co_await asio::async_write(peer, asio::buffer(data.data(), got), use_awaitable);
    }
  } catch (const std::exception&) {
  }
}

asio::awaitable<void> sink(tcp::socket peer) {
  std::vector<char> data(65536);
  try {
    for (;;) co_await peer.async_read_some(asio::buffer(data), use_awaitable);
  } catch (const std::exception&) {
  }
}

asio::awaitable<void> source(tcp::socket peer) {
  const std::vector<char> data(65536);
  try {
    for (;;) co_await asio::async_write(peer, asio::buffer(data), use_awaitable);
  } catch (const std::exception&) {
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor, std::string_view mode) {
  const auto handler = mode == "sink" ? sink : mode == "source" ? source : echo;
  for (;;) {
    auto peer = co_await acceptor.async_accept(use_awaitable);
    peer.set_option(tcp::no_delay(true));
    const auto executor = peer.get_executor();
    asio::co_spawn(executor, handler(std::move(peer)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context context(1);
  const auto port = static_cast<unsigned short>(std::atoi(argc > 1 ? argv[1] : "7000"));
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), port));
  acceptor.listen(4096);
  asio::co_spawn(context, serve(std::move(acceptor), argc > 2 ? argv[2] : "echo"), asio::detached);
  context.run();
}
