// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/engine/engine.hpp>

namespace wring {

engine::~engine() = default;

void engine::register_descriptor(int) noexcept {}
void engine::unregister_descriptor(int) noexcept {}

operation_observer::~operation_observer() = default;

const char* to_string(op_code code) noexcept {
  switch (code) {
    case op_code::accept_multishot:
      return "accept";
    case op_code::connect:
      return "connect";
    case op_code::receive:
    case op_code::receive_multishot:
      return "receive";
    case op_code::send:
    case op_code::send_message:
      return "send";
    case op_code::poll:
    case op_code::poll_multishot:
      return "poll";
    case op_code::open:
      return "open";
    case op_code::read:
      return "read";
    case op_code::write:
      return "write";
    case op_code::sync:
      return "sync";
  }
  return "unknown operation";
}

void operation::abandoned() const noexcept {
  std::fprintf(
      stderr,
      "wring: the record of an operation in flight (%s, descriptor %d) was destroyed; its memory still belongs "
      "to the kernel\n",
      to_string(code), fd);
  std::abort();
}

}  // namespace wring
