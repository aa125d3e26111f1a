// SPDX-License-Identifier: MIT
#include <wring/net/serve.hpp>

namespace wring::net {

task<serve_report> serve(tcp_listener& listener, task<> (*handler)(tcp_stream), serve_options options) {
  return serve<tcp_listener, task<> (*)(tcp_stream)>(listener, handler, options);
}

}  // namespace wring::net
