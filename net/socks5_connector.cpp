// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/connector_refusal.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/socks5_connector.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "connect through the SOCKS proxy";
constexpr std::byte version{5};
constexpr std::byte no_authentication{0};
constexpr std::byte by_password{2};

[[noreturn]] void fail(int number, const any_stream& proxy, const char* detail) {
  error::from_errno(number, what).with_address(proxy.peer_address()).with_detail(detail).raise();
}

/// Exactly so many bytes: what follows them is the connection's.
task<> read_all(any_stream& from, std::span<std::byte> into) {
  while (!into.empty()) {
    const std::size_t count = co_await from.read(into);
    if (count == 0) error(errc::unexpected_eof, what).with_address(from.peer_address()).raise();
    into = into.subspan(count);
  }
}

/// What a proxy's reply stands for.
int errno_of(std::byte reply) noexcept {
  switch (std::to_integer<int>(reply)) {
    case 2:
      return EPERM;
    case 3:
      return ENETUNREACH;
    case 4:
      return EHOSTUNREACH;
    case 5:
      return ECONNREFUSED;
    case 6:
      return ETIMEDOUT;
    case 7:
      return EOPNOTSUPP;
    case 8:
      return EAFNOSUPPORT;
    default:
      return ECONNABORTED;
  }
}

/// A message that is put together.
class message {
 public:
  void add(std::byte b) noexcept { bytes_[size_++] = b; }
  void add(std::span<const std::byte> more) noexcept {
    if (!more.empty()) std::memcpy(bytes_.data() + size_, more.data(), more.size());
    size_ += more.size();
  }
  void add_counted(std::string_view text) noexcept {
    add(static_cast<std::byte>(text.size()));
    add(std::as_bytes(std::span(text)));
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, 520> bytes_{};
  std::size_t size_ = 0;
};

task<> authenticate(any_stream& proxy, std::string_view user, std::string_view password) {
  message said;
  said.add(std::byte{1});
  said.add_counted(user);
  said.add_counted(password);
  co_await proxy.write_all(said.bytes());
  std::array<std::byte, 2> reply{};
  co_await read_all(proxy, reply);
  if (reply[1] != std::byte{0}) fail(EACCES, proxy, "the proxy does not accept the user and the password");
}

}  // namespace

socks5_connector::socks5_connector(connector_ref through, std::string host, std::uint16_t port, std::string user,
                                   std::string password, duration timeout)
    : through_(through),
      host_(std::move(host)),
      port_(port),
      user_(std::move(user)),
      password_(std::move(password)),
      timeout_(timeout) {
  if (user_.size() > 255 || password_.size() > 255) {
    throw std::invalid_argument("the user or the password of a SOCKS proxy is longer than 255 bytes");
  }
}

task<> socks5_connector::negotiate(any_stream& proxy, connect_target target) const {
  message hello;
  hello.add(version);
  hello.add(static_cast<std::byte>(user_.empty() ? 1 : 2));
  hello.add(no_authentication);
  if (!user_.empty()) hello.add(by_password);
  co_await proxy.write_all(hello.bytes());
  std::array<std::byte, 2> chosen{};
  co_await read_all(proxy, chosen);
  if (chosen[0] != version) fail(EPROTO, proxy, "it does not speak SOCKS5");
  if (chosen[1] == by_password && !user_.empty()) {
    co_await authenticate(proxy, user_, password_);
  } else if (chosen[1] != no_authentication) {
    fail(EACCES, proxy, "the proxy wants to be authenticated to, in another way");
  }
  message request;
  request.add(version);
  request.add(std::byte{1});  // CONNECT
  request.add(std::byte{0});
  if (const auto ip = ip_address::parse(target.host)) {
    request.add(ip->is_v4() ? std::byte{1} : std::byte{4});
    request.add(std::as_bytes(std::span(ip->bytes())));
  } else {
    if (target.host.empty() || target.host.size() > 255) fail(EINVAL, proxy, "a host's name has 1 to 255 bytes");
    request.add(std::byte{3});
    request.add_counted(target.host);
  }
  request.add(static_cast<std::byte>(target.port >> 8U));
  request.add(static_cast<std::byte>(target.port & 255U));
  co_await proxy.write_all(request.bytes());
  std::array<std::byte, 5> reply{};
  co_await read_all(proxy, reply);
  if (reply[0] != version) fail(EPROTO, proxy, "it does not speak SOCKS5");
  if (reply[1] != std::byte{0}) fail(errno_of(reply[1]), proxy, "the proxy has not made the connection");
  // The address that it connects from, of which the first byte has been read, and the port.
  std::size_t left = 0;
  if (reply[3] == std::byte{1}) left = 3 + 2;
  if (reply[3] == std::byte{4}) left = 15 + 2;
  if (reply[3] == std::byte{3}) left = std::to_integer<std::size_t>(reply[4]) + 2;
  if (left == 0) fail(EPROTO, proxy, "an address of unknown kind");
  std::array<std::byte, 257> rest{};
  co_await read_all(proxy, std::span(rest).first(left));
}

task<any_stream> socks5_connector::connect(connect_target target) const {
  detail::require_tcp(target);
  const connect_target proxy{.kind = connection_kind::tcp, .host = host_, .port = port_};
  any_stream stream = co_await through_.connect(proxy);
  co_await with_timeout(timeout_, negotiate(stream, target));
  co_return std::move(stream);
}

}  // namespace wring::net
