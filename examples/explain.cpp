// SPDX-License-Identifier: MIT
//
// What Wring runs on here: the engine and why it is that one, the features of the kernel that were found, and which
// way each kind of operation takes. Try it in the container that a server is to run in.
//
//     $ explain                          $ WRING_ENGINE=epoll explain
//     engine: io_uring                   engine: epoll
//     ...                                ...

#include <fmt/format.h>

#include <wring/wring.hpp>

namespace {

/// Asks inside a scheduler, as a server would get it.
wring::task<> tell() {
  fmt::print("{}", wring::explain());
  co_return;
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
int main() { return wring::run(tell); }
#endif
