// SPDX-License-Identifier: MIT
//
// Asio's TCP echo with callbacks: asio_callbacks PORT. One thread.

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "asio.hpp"

namespace {

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket peer) : peer_(std::move(peer)) {}

  void read() {
    peer_.async_read_some(asio::buffer(data_), [self = shared_from_this()](error_code error, std::size_t got) {
      if (!error) self->write(got);
    });
  }

 private:
  void write(std::size_t size) {
    asio::async_write(peer_, asio::buffer(data_.data(), size),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (!error) self->read();
                      });
  }

  tcp::socket peer_;
  std::vector<char> data_ = std::vector<char>(BENCH_BUFFER);
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](error_code error, tcp::socket peer) {
    if (!error) {
      peer.set_option(tcp::no_delay(true));
      std::make_shared<session>(std::move(peer))->read();
    }
    accept(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context context(1);
  const auto port = static_cast<unsigned short>(std::atoi(argc > 1 ? argv[1] : "7000"));
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), port));
  acceptor.listen(4096);
  accept(acceptor);
  context.run();
}
