// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>

using wring::errc;
using wring::error;
using wring::error_address;
using namespace std::string_view_literals;

namespace {

error_address ipv4(std::string_view bytes, unsigned short port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  std::memcpy(&raw.sin_addr, bytes.data(), 4);
  return {reinterpret_cast<const sockaddr&>(raw), sizeof raw};
}

error_address ipv6(std::string_view bytes, unsigned short port, unsigned scope) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  raw.sin6_scope_id = scope;
  std::memcpy(&raw.sin6_addr, bytes.data(), 16);
  return {reinterpret_cast<const sockaddr&>(raw), sizeof raw};
}

error_address unix_domain(std::string_view path) {
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  std::memcpy(raw.sun_path, path.data(), path.size());
  return {reinterpret_cast<const sockaddr&>(raw), offsetof(sockaddr_un, sun_path) + path.size()};
}

const auto local = ipv4("\x7f\0\0\1"sv, 7000);

}  // namespace

static_assert(std::is_trivially_copyable_v<error> && sizeof(error) <= 48);
static_assert(std::is_nothrow_copy_constructible_v<wring::io_error>);

TEST_CASE("an error of the kernel names operation, address, cause and number", "[error]") {
  const auto e = error::from_errno(ECONNREFUSED, "connect to").with_address(local);
  CHECK(e.message() == "connect to 127.0.0.1:7000: Connection refused (errno 111)");
  CHECK(e.operation() == "connect to"sv);
  CHECK(e.address() == local);
  CHECK(e.code() == std::error_code(ECONNREFUSED, std::system_category()));
  CHECK(e == std::errc::connection_refused);
  CHECK(e != std::errc::connection_reset);
  CHECK(e != errc::closed);
}

TEST_CASE("the sign of a completion's result does not matter", "[error]") {
  CHECK(error::from_errno(-EPIPE, "write to").message() == error::from_errno(EPIPE, "write to").message());
  CHECK(error::from_errno(-EPIPE, "write to") == std::errc::broken_pipe);
}

TEST_CASE("an operation loses its preposition where no address follows", "[error]") {
  CHECK(error::from_errno(EPIPE, "write to").message() == "write: Broken pipe (errno 32)");
  CHECK(error(errc::closed, "read from").message() == "read: closed on this side");
  CHECK(error(errc::closed, "listen on").message() == "listen: closed on this side");
  CHECK(error(errc::closed, "accept").message() == "accept: closed on this side");
}

TEST_CASE("a count reads as what it means for the code", "[error]") {
  CHECK(error(errc::unexpected_eof, "read from").with_address(local).with_count(5).message() ==
        "read from 127.0.0.1:7000: the stream ended too early, after 5 bytes");
  CHECK(error(errc::unexpected_eof, "read").with_count(1).message() ==
        "read: the stream ended too early, after 1 byte");
  CHECK(error(errc::write_torn, "write").with_count(0).message() ==
        "write: an earlier write was cancelled half way, after 0 bytes");
  CHECK(error(errc::limit_exceeded, "read a line").with_count(4096).message() ==
        "read a line: more than the limit allows (limit 4096)");
  CHECK(error::from_errno(EIO, "read").with_count(7).message() == "read: Input/output error (errno 5) (count 7)");
}

TEST_CASE("a count is optional and saturates", "[error]") {
  const error e(errc::unexpected_eof, "read");
  CHECK_FALSE(e.count().has_value());
  CHECK(e.with_count(0).count() == 0U);
  CHECK(e.with_count(UINT32_MAX - 1).count() == UINT32_MAX - 1);
  CHECK(e.with_count(UINT32_MAX).count() == UINT32_MAX - 1);
  CHECK(e.with_count(UINT64_MAX).count() == UINT32_MAX - 1);
}

TEST_CASE("a detail follows the cause", "[error]") {
  const auto e =
      error::from_errno(EACCES, "listen on").with_address(local).with_detail("ports below 1024 are privileged");
  CHECK(e.message() == "listen on 127.0.0.1:7000: Permission denied (errno 13): ports below 1024 are privileged");
  CHECK(e.detail() == "ports below 1024 are privileged"sv);
  CHECK(e.message_about("the moon") ==
        "listen on the moon: Permission denied (errno 13): ports below 1024 are privileged");
}

TEST_CASE("every code has a message of its own, and converts to a true error code", "[error]") {
  std::string seen;
  for (const auto code :
       {errc::timed_out, errc::unexpected_eof, errc::closed, errc::write_torn, errc::limit_exceeded, errc::busy,
        errc::inbox_full, errc::channel_closed, errc::bad_address, errc::name_not_found, errc::name_unavailable,
        errc::name_refused, errc::tls_failed, errc::tls_untrusted, errc::tls_truncated, errc::tls_unusable}) {
    const std::error_code plain = code;
    CHECK(plain);
    CHECK(plain.category().name() == "wring"sv);
    CHECK(error(code, "x") == code);
    CHECK(plain.message().find("unknown") == std::string::npos);
    CHECK(seen.find(plain.message() + '\n') == std::string::npos);
    seen += plain.message() + '\n';
  }
  CHECK(std::error_code(99, wring::wring_category()).message() == "unknown error 99");
}

TEST_CASE("a timeout of ours is equivalent to the kernel's, but not the same", "[error]") {
  const error ours(errc::timed_out, "connect to");
  const auto theirs = error::from_errno(ETIMEDOUT, "connect to");
  CHECK(ours == std::errc::timed_out);
  CHECK(theirs == std::errc::timed_out);
  CHECK(ours == errc::timed_out);
  CHECK(theirs != errc::timed_out);
  CHECK(error(errc::closed, "x") != std::errc::timed_out);
  CHECK_THROWS_AS(ours.raise(), wring::timeout_error);
  try {
    theirs.raise();
  } catch (const wring::timeout_error&) {
    FAIL("the kernel's ETIMEDOUT is not a deadline of ours");
  } catch (const wring::io_error& e) {
    CHECK(e.code() == std::errc::timed_out);
  }
}

TEST_CASE("a raised error is a std::system_error with the message and the details", "[error]") {
  const auto e = error::from_errno(ECONNRESET, "read from").with_address(local).with_count(3);
  try {
    e.raise();
  } catch (const std::system_error& caught) {
    CHECK(caught.what() == e.message());
    CHECK(caught.code() == std::errc::connection_reset);
    const auto& details = dynamic_cast<const wring::io_error&>(caught).details();
    CHECK(details.address() == local);
    CHECK(details.count() == 3U);
  }
}

TEST_CASE("the exception keeps its text when copied", "[error]") {
  const error e(errc::closed, "accept");
  const auto copy = [&] {
    const wring::io_error original(e, "a text of its own, long enough not to fit into the string object itself");
    return wring::io_error(original);
  }();
  CHECK(copy.what() == "a text of its own, long enough not to fit into the string object itself"sv);
  CHECK(copy.details() == errc::closed);
}

TEST_CASE("addresses of every family are readable", "[error][address]") {
  CHECK(error_address().empty());
  CHECK(error_address().to_string().empty());
  CHECK(ipv4("\xff\xff\xff\xff"sv, 65535).to_string() == "255.255.255.255:65535");
  CHECK(ipv6("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv, 80, 0).to_string() == "[fe80::1]:80");
  CHECK(ipv6("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv, 80, 4294967295U).to_string() == "[fe80::1%4294967295]:80");
  CHECK(unix_domain("/run/x.sock").to_string() == "unix:/run/x.sock");
  CHECK(unix_domain("/run/x.sock\0"sv).to_string() == "unix:/run/x.sock");
  CHECK(unix_domain("\0chat"sv).to_string() == "unix:@chat");
  CHECK(unix_domain("").to_string() == "unix:");
  CHECK_FALSE(unix_domain("").empty());
}

TEST_CASE("an IP address can be had as bytes", "[error][address]") {
  const auto bytes_of = [](const error_address& a) { return std::string(a.ip_bytes().begin(), a.ip_bytes().end()); };
  CHECK(bytes_of(ipv4("\xc0\0\2\1"sv, 80)) == "\xc0\0\2\1"sv);
  CHECK(bytes_of(ipv6("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv, 80, 2)) == "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv);
  CHECK(unix_domain("/run/x.sock").ip_bytes().empty());
  CHECK(error_address::from_text("192.0.2.1").ip_bytes().empty());
  CHECK(error_address().ip_bytes().empty());
}

TEST_CASE("a long path keeps its tail, and says that it was cut", "[error][address]") {
  CHECK(unix_domain("/0123456789/0123456789").to_string() == "unix:/0123456789/0123456789");
  CHECK(unix_domain("/srv/0123456789/0123456789").to_string() == "unix:.../0123456789/0123456789");
  CHECK(unix_domain("\0x0123456789/0123456789!"sv).to_string() == "unix:@...0123456789/0123456789!");
}

TEST_CASE("text in place of an address keeps its head, and is quoted", "[error][address]") {
  CHECK(error_address::from_text("example.org:http").to_string() == "\"example.org:http\"");
  CHECK(error_address::from_text("").to_string() == "\"\"");
  CHECK(error_address::from_text("0123456789012345678901").to_string() == "\"0123456789012345678901\"");
  CHECK(error_address::from_text("01234567890123456789012").to_string() == "\"0123456789012345678901...\"");
}

TEST_CASE("odd bytes in an address cannot forge lines or steer a terminal", "[error][address]") {
  CHECK(unix_domain("/a\nb\x1b[2J\\").to_string() == "unix:/a\\nb\\x1b[2J\\\\");
  CHECK(error_address::from_text("\"\r\n\t\x7f").to_string() == R"("\"\r\n\t\x7f")");
  // Valid UTF-8 passes; C1 controls, stray, overlong, surrogate and too large sequences do not.
  CHECK(error_address::from_text("é€𝄞").to_string() == "\"é€𝄞\"");
  CHECK(error_address::from_text("\xc2\x9b|\x80|\xc0\xaf|\xe0\x9f\xbf").to_string() ==
        R"("\xc2\x9b|\x80|\xc0\xaf|\xe0\x9f\xbf")");
  CHECK(error_address::from_text("\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82").to_string() ==
        R"("\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82")");
  CHECK(error_address::from_text("\xf0\x8f\xbf\xbf|\xff").to_string() == R"("\xf0\x8f\xbf\xbf|\xff")");
}

TEST_CASE("a socket address that is cut short or of an unknown family is no address", "[error][address]") {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  CHECK(error_address(reinterpret_cast<const sockaddr&>(raw), sizeof raw - 1).empty());
  CHECK(error_address(reinterpret_cast<const sockaddr&>(raw), 1).empty());
  CHECK(error_address(reinterpret_cast<const sockaddr&>(raw), 0).empty());
  raw.sin_family = AF_INET6;
  CHECK(error_address(reinterpret_cast<const sockaddr&>(raw), sizeof raw).empty());
  raw.sin_family = AF_UNIX;
  CHECK(error_address(reinterpret_cast<const sockaddr&>(raw), sizeof(sa_family_t) - 1).empty());
  raw.sin_family = AF_NETLINK;
  CHECK(error_address(reinterpret_cast<const sockaddr&>(raw), sizeof raw).empty());
}
