// SPDX-License-Identifier: MIT
//
// Asio's UDP echo with callbacks: asio_udp_callbacks PORT. One thread.

#include <array>
#include <cstddef>
#include <cstdlib>

#include "asio.hpp"

namespace {

using asio::ip::udp;

class server {
 public:
  server(asio::io_context& context, unsigned short port)
      : socket_(context, udp::endpoint(asio::ip::address_v4::loopback(), port)) {}

  void receive() {
    socket_.async_receive_from(asio::buffer(data_), peer_, [this](error_code error, std::size_t got) {
      if (error) return receive();
      send(got);
    });
  }

 private:
  void send(std::size_t size) {
    socket_.async_send_to(asio::buffer(data_.data(), size), peer_, [this](error_code, std::size_t) { receive(); });
  }

  udp::socket socket_;
  udp::endpoint peer_;
  std::array<char, 2048> data_{};
};

}  // namespace

int main(int argc, char** argv) {
  asio::io_context context(1);
  server s(context, static_cast<unsigned short>(std::atoi(argc > 1 ? argv[1] : "7000")));
  s.receive();
  context.run();
}
