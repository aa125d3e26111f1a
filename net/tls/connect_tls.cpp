// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/timeout.hpp>
#include <wring/net/tls/connect_tls.hpp>
#include <wring/net/tls/handshake.hpp>

namespace wring::net {

namespace {

/// The fault of a handshake, with the host's name.
[[noreturn]] void fail(const error& e, const std::string& host) {
  const std::string text = e.message_about(fmt::format("\"{}\" ({})", host, e.address().to_string()));
  if (e == errc::timed_out) throw timeout_error(e, text);
  throw io_error(e, text);
}

task<tls_stream> connect_in_time(const std::string& host, std::uint16_t port, const tls::client_context& context,
                                 const name_connect_options& options) {
  tcp_stream plain = co_await connect_tcp(host, port, options);
  auto secured = co_await tls::connect(context, any_stream(std::move(plain)), host).result();
  if (!secured) fail(secured.error(), host);
  co_return std::move(*secured);
}

}  // namespace

task<tls_stream> connect_tls(std::string host, std::uint16_t port, tls::client_context context,
                             name_connect_options options) {
  auto connect = [&] { return connect_in_time(host, port, context, options); };
  co_return co_await with_timeout(options.timeout, connect);
}

task<tls_stream> connect_tls(std::string host, std::uint16_t port, name_connect_options options) {
  static const tls::client_context standard;
  return connect_tls(std::move(host), port, standard, options);
}

}  // namespace wring::net
