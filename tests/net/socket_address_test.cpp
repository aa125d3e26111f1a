// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <type_traits>
#include <unistd.h>
#include <unordered_set>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <fmt/format.h>

#include <wring/net/socket_address.hpp>

using Catch::Matchers::Message;
using wring::errc;
using wring::io_error;
using wring::net::ip_address;
using wring::net::socket_address;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

const std::string longest(socket_address::max_path, 'p');

/// From memory that ends with the text, so that a sanitizer sees a step beyond it.
std::string why_not(std::string_view text) {
  const std::vector<char> exact(text.begin(), text.end());
  const auto parsed = socket_address::parse({exact.data(), exact.size()});
  return parsed ? "parsed as " + parsed->to_string() : parsed.error().message();
}

socket_address through_sockaddr(const socket_address& a) { return socket_address::from_sockaddr(a.data(), a.size()); }

/// What the kernel calls a socket that was bound to `a`.
socket_address bound_name(const socket_address& a, int type) {
  const int fd = ::socket(a.family(), type, 0);
  REQUIRE(fd >= 0);
  REQUIRE(::bind(fd, a.data(), a.size()) == 0);
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
  ::close(fd);
  return socket_address::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage), size);
}

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string bytes(size, ' ');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

socket_address random_address(std::mt19937& random) {
  const auto port = static_cast<std::uint16_t>(random());
  switch (random() % 4) {
    case 0: {
      ip_address::v4_bytes bytes{};
      for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
      return {ip_address(bytes), port};
    }
    case 1: {
      ip_address::v6_bytes bytes{};
      for (auto& byte : bytes) byte = static_cast<unsigned char>(random() % 3 == 0 ? random() : 0);
      return {ip_address(bytes, random() % 2 == 0 ? 0 : static_cast<unsigned>(random())), port};
    }
    case 2:
      return socket_address::from_abstract_name(random_bytes(random, random() % 108));
    default: {
      auto path = random_bytes(random, 1 + random() % 107);
      for (auto& byte : path) byte = byte == '\0' ? '@' : byte;
      return socket_address::from_path(path);
    }
  }
}

}  // namespace

static_assert(std::is_trivially_copyable_v<socket_address> && sizeof(socket_address) <= 120);
static_assert(std::is_nothrow_convertible_v<socket_address, wring::error_address>);
static_assert(!std::is_convertible_v<std::string_view, socket_address>);

TEST_CASE("socket addresses are parsed and written", "[address][real_fd]") {
  const std::vector<std::array<std::string, 2>> forms = {
      {"127.0.0.1:80", "127.0.0.1:80"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"255.255.255.255:65535", "255.255.255.255:65535"},
      {"[::]:0", "[::]:0"},
      {"[2001:DB8:0::1]:443", "[2001:db8::1]:443"},
      {"[fe80::1%3]:80", "[fe80::1%3]:80"},
      {"[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80"},
      {"unix:/run/x.sock", "unix:/run/x.sock"},
      {"unix:relative", "unix:relative"},
      {"unix:/with space:and=@", "unix:/with space:and=@"},
      {"unix:/é", "unix:/é"},
      {R"(unix:\@home)", R"(unix:\@home)"},
      {R"(unix:\x40home)", R"(unix:\@home)"},
      {R"(unix:/a\n\r\t\\\x1b\xFF\x7f)", R"(unix:/a\n\r\t\\\x1b\xff\x7f)"},
      {"unix:/raw\n", R"(unix:/raw\n)"},
      {"unix:@", "unix:@"},
      {"unix:@abstract", "unix:@abstract"},
      {"unix:@@", "unix:@@"},
      {R"(unix:@\x00\x00)", R"(unix:@\x00\x00)"},
      {"unix:" + longest, "unix:" + longest},
      {"unix:@" + longest, "unix:@" + longest},
  };
  for (const auto& [text, canonical] : forms) {
    INFO(text);
    REQUIRE(why_not(text) == "parsed as " + canonical);
    const socket_address address(text);
    CHECK(address.to_string() == canonical);
    CHECK(socket_address(canonical) == address);
    CHECK(through_sockaddr(address) == address);
  }
}

TEST_CASE("a socket address knows its parts", "[address]") {
  const socket_address v4("127.0.0.1:80");
  CHECK(v4.is_v4());
  CHECK(v4.is_ip());
  CHECK_FALSE(v4.is_v6());
  CHECK_FALSE(v4.is_unix());
  CHECK_FALSE(v4.empty());
  CHECK(v4.family() == AF_INET);
  CHECK(v4.ip() == ip_address::loopback_v4);
  CHECK(v4.port() == 80);
  CHECK(v4 == socket_address(ip_address::loopback_v4, 80));
  CHECK(v4.with_port(81).to_string() == "127.0.0.1:81");

  const socket_address v6("[fe80::1%3]:443");
  CHECK(v6.is_v6());
  CHECK(v6.is_ip());
  CHECK_FALSE(v6.is_v4());
  CHECK(v6.family() == AF_INET6);
  CHECK(v6.ip() == ip_address("fe80::1%3"));
  CHECK(v6.with_port(0) == socket_address("[fe80::1%3]:0"));

  const socket_address path("unix:/x");
  CHECK(path.is_unix());
  CHECK_FALSE(path.is_ip());
  CHECK_FALSE(path.is_abstract());
  CHECK_FALSE(path.is_unnamed());
  CHECK(path.family() == AF_UNIX);
  CHECK(path.path() == "/x");
  CHECK(path.abstract_name().empty());
  CHECK(path.port() == 0);
  CHECK(path.with_port(1) == path);
  CHECK(path == socket_address::from_path("/x"));
  CHECK_THROWS_MATCHES(path.ip(), std::logic_error, Message("ip() of the socket address \"unix:/x\", which has none"));

  const socket_address abstract(R"(unix:@a\x00b)");
  CHECK(abstract.is_unix());
  CHECK(abstract.is_abstract());
  CHECK_FALSE(abstract.is_unnamed());
  CHECK(abstract.abstract_name() == "a\0b"sv);
  CHECK(abstract.path().empty());
  CHECK(abstract == socket_address::from_abstract_name("a\0b"sv));
  CHECK(socket_address("unix:@") == socket_address::from_abstract_name(""));
  CHECK_FALSE(socket_address("unix:@").is_unnamed());
}

TEST_CASE("no address and an unnamed socket are addresses too", "[address]") {
  const socket_address none;
  CHECK(none.empty());
  CHECK_FALSE(none.is_ip());
  CHECK_FALSE(none.is_unix());
  CHECK(none.to_string().empty());
  CHECK(none.family() == AF_UNSPEC);
  CHECK(through_sockaddr(none) == none);

  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  const auto unnamed =
      socket_address::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), offsetof(sockaddr_un, sun_path));
  CHECK(unnamed.is_unix());
  CHECK(unnamed.is_unnamed());
  CHECK_FALSE(unnamed.is_abstract());
  CHECK(unnamed.path().empty());
  CHECK(unnamed.to_string() == "unix:");
  CHECK(unnamed != none);
  CHECK(through_sockaddr(unnamed) == unnamed);
}

TEST_CASE("a mapped peer is unmapped with its port", "[address]") {
  CHECK(socket_address("[::ffff:1.2.3.4]:5").unmapped() == socket_address("1.2.3.4:5"));
  CHECK(socket_address("[::1]:5").unmapped() == socket_address("[::1]:5"));
  CHECK(socket_address("unix:/x").unmapped() == socket_address("unix:/x"));
}

TEST_CASE("random addresses survive text, sockaddr and copies", "[address][real_fd]") {
  std::mt19937 random(9);
  for (int i = 0; i < 5000; ++i) {
    const auto address = random_address(random);
    const auto text = address.to_string();
    INFO(text);
    REQUIRE(socket_address(text) == address);
    REQUIRE(through_sockaddr(address) == address);
    REQUIRE(text.find_first_of("\n\r\x1b"s + '\0') == std::string::npos);
    const auto other = random_address(random);
    REQUIRE((address == other) == (text == other.to_string()));
    REQUIRE((address <=> other) == 0 <=> (other <=> address));
    REQUIRE((address != other || std::hash<socket_address>()(address) == std::hash<socket_address>()(other)));
  }
}

TEST_CASE("random text is a socket address or refused, never both", "[address][real_fd]") {
  std::mt19937 random(10);
  constexpr std::string_view alphabet = "0123456789::::....[]%@\\xn/u";
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 14, ' ');
    for (auto& c : text) c = alphabet[random() % alphabet.size()];
    if (random() % 2 == 0) text.insert(0, "unix:");
    const auto parsed = socket_address::parse(text);
    if (parsed) {
      REQUIRE(socket_address(parsed->to_string()) == *parsed);
    } else {
      REQUIRE(parsed.error() == errc::bad_address);
    }
  }
}

TEST_CASE("what is not a socket address is refused with the reason", "[address]") {
  const std::string v4 = "expected an IPv4 address in front of the port; names are not looked up here";
  const std::string v6 = "expected an IPv6 address between the brackets";
  const std::string port = "the port must be a number from 0 to 65535, without leading zeros";
  const std::string escape = R"(a backslash is followed by \, @, n, r, t, or x and two digits)";
  const std::vector<std::array<std::string, 2>> table = {
      {"", "it is empty"},
      {"127.0.0.1", "the port is missing: write ADDRESS:PORT"},
      {"8080", "the port is missing: write ADDRESS:PORT"},
      {"localhost:80", v4},
      {"127.0.0.1.1:80", v4},
      {" 127.0.0.1:80", v4},
      {"1.2.3.4%lo:80", "expected something like 192.0.2.1, 2001:db8::1 or fe80::1%eth0"},
      {":80", "the address is missing: [::]:PORT means every address"},
      {"[]:80", "the address is missing: [::]:PORT means every address"},
      {"127.0.0.1:", port},
      {"127.0.0.1:http", port},
      {"127.0.0.1:65536", port},
      {"127.0.0.1:-1", port},
      {"127.0.0.1:+1", port},
      {"127.0.0.1: 1", port},
      {"127.0.0.1:80 ", port},
      {"127.0.0.1:99999999999", port},
      {"127.0.0.1:080", port},
      {"127.0.0.1:00", port},
      {"[::1]:080", port},
      {"[::1]:", port},
      {"[::1]:x", port},
      {"::1", "an IPv6 address with a port needs brackets: write [ADDRESS]:PORT"},
      {"::1:80", "an IPv6 address with a port needs brackets: write [ADDRESS]:PORT"},
      {"[::1]", "the port is missing: write [ADDRESS]:PORT"},
      {"[::1]80", "the port is missing: write [ADDRESS]:PORT"},
      {"[::1:80", "the bracket ] is missing"},
      {"[1.2.3.4]:80", v6},
      {"[::g]:80", v6},
      {"[[::1]]:80", "the port is missing: write [ADDRESS]:PORT"},
      {"[fe80::1%]:80", "the scope after % is missing"},
      {"[fe80::1%01]:80", "a scope's number is from 1 to 4294967295, without leading zeros"},
      {"[::1%1]:80", "only a link-local address has a scope, the part after %"},
      {"[fe80::1%no-such]:80", "no network interface has the name after %"},
      {"unix:", "the path after unix: is missing"},
      {R"(unix:\)", escape},
      {R"(unix:/\q)", escape},
      {R"(unix:/\x)", escape},
      {R"(unix:/\x4)", escape},
      {R"(unix:/\x4g)", escape},
      {R"(unix:/\x-1)", escape},
      {R"(unix:/\x00)", "a path cannot hold a NUL byte"},
  };
  for (const auto& [text, reason] : table) {
    std::string shown;
    for (const char c : text) shown += c == '\\' ? "\\\\" : std::string(1, c);
    CHECK(why_not(text) == fmt::format("parse \"{}\": not a valid address: {}", shown, reason));
  }
}

TEST_CASE("a path that does not fit is refused with the limit", "[address]") {
  const auto thrown = [](auto make) -> std::string {
    try {
      make();
    } catch (const io_error& e) {
      CHECK(e.code() == errc::bad_address);
      return e.what();
    }
    return "no error";
  };
  const auto long_path = longest + "q";
  const auto path_limit = ": not a valid address: a unix socket's path has at most 107 bytes"s;
  const auto name_limit = ": not a valid address: a unix socket's abstract name has at most 107 bytes"s;
  CHECK(thrown([&] { (void)socket_address("unix:" + long_path); }) == "parse \"unix:" + long_path + '"' + path_limit);
  CHECK(thrown([&] { (void)socket_address("unix:@" + long_path); }) == "parse \"unix:@" + long_path + '"' + name_limit);
  CHECK(thrown([&] { (void)socket_address::from_path(long_path); }) ==
        "use the path \"" + long_path + '"' + path_limit);
  CHECK(thrown([&] { (void)socket_address::from_abstract_name(long_path); }) ==
        "use the abstract name \"" + long_path + '"' + name_limit);
  CHECK(why_not("unix:" + long_path) == "parse \"unix:ppppppppppppppppp...\"" + path_limit);
  CHECK(thrown([&] { (void)socket_address::from_path(""); }) ==
        R"(use the path "": not a valid address: the path is empty)");
  CHECK(thrown([&] { (void)socket_address::from_path("a\0b"sv); }) ==
        R"(use the path "a\x00b": not a valid address: a path cannot hold a NUL byte)");
}

TEST_CASE("a sockaddr is laid out as the kernel wants it", "[address][real_fd]") {
  const socket_address v4("1.2.3.4:258");
  REQUIRE(v4.size() == sizeof(sockaddr_in));
  const auto* const in = reinterpret_cast<const sockaddr_in*>(v4.data());
  CHECK(in->sin_family == AF_INET);
  CHECK(in->sin_port == htons(258));
  CHECK(in->sin_addr.s_addr == htonl(0x01020304));

  const socket_address v6("[fe80::2%9]:258");
  REQUIRE(v6.size() == sizeof(sockaddr_in6));
  const auto* const in6 = reinterpret_cast<const sockaddr_in6*>(v6.data());
  CHECK(in6->sin6_family == AF_INET6);
  CHECK(in6->sin6_port == htons(258));
  CHECK(in6->sin6_scope_id == 9);
  CHECK(in6->sin6_flowinfo == 0);
  CHECK(in6->sin6_addr.s6_addr[15] == 2);

  const socket_address path("unix:/x");
  CHECK(path.size() == offsetof(sockaddr_un, sun_path) + 3);
  CHECK(std::strcmp(reinterpret_cast<const sockaddr_un*>(path.data())->sun_path, "/x") == 0);
  CHECK(socket_address("unix:@x").size() == offsetof(sockaddr_un, sun_path) + 2);
}

TEST_CASE("a sockaddr that is too short or of another family is no address", "[address]") {
  for (const auto* text : {"1.2.3.4:5", "[::1]:5"}) {
    const socket_address address(text);
    for (socklen_t size = 0; size < address.size(); ++size) {
      CHECK(socket_address::from_sockaddr(address.data(), size).empty());
    }
  }
  const socket_address path("unix:/x");
  CHECK(socket_address::from_sockaddr(path.data(), sizeof(sa_family_t) - 1).empty());
  CHECK(socket_address::from_sockaddr(path.data(), sizeof(sa_family_t)).is_unnamed());
  CHECK(socket_address::from_sockaddr(path.data(), sizeof(sa_family_t) + 1).path() == "/");
  sockaddr_storage raw{};
  raw.ss_family = AF_NETLINK;
  CHECK(socket_address::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw).empty());
}

TEST_CASE("the kernel gives back the names that sockets were bound to", "[address][real_fd]") {
  const auto v4 = bound_name(socket_address("127.0.0.1:0"), SOCK_STREAM);
  CHECK(v4.ip() == ip_address::loopback_v4);
  CHECK(v4.port() != 0);
  const auto v6 = bound_name(socket_address("[::1]:0"), SOCK_STREAM);
  CHECK(v6.ip() == ip_address::loopback_v6);

  std::string directory = "/tmp/wring-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  auto full = directory + '/';
  full.append(socket_address::max_path - full.size(), 'p');
  for (const auto& path : {directory + "/a\n@", full}) {
    const auto address = socket_address::from_path(path);
    CHECK(bound_name(address, SOCK_STREAM) == address);
    ::unlink(path.c_str());
  }
  ::rmdir(directory.c_str());

  const auto abstract = socket_address::from_abstract_name("wring\0test"s + std::to_string(::getpid()));
  CHECK(bound_name(abstract, SOCK_STREAM) == abstract);
  CHECK(bound_name(socket_address::from_abstract_name(longest), SOCK_STREAM).abstract_name() == longest);
}

TEST_CASE("a path that fills sun_path to its last byte is understood", "[address]") {
  // Linux takes and gives these; others would miss the NUL.
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  std::memset(raw.sun_path, 'p', sizeof raw.sun_path);
  const auto address = socket_address::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw + 1);
  CHECK(address.path() == std::string(sizeof raw.sun_path, 'p'));
  CHECK(address.size() == sizeof raw);
  CHECK(through_sockaddr(address) == address);
}

TEST_CASE("socket addresses are ordered", "[address]") {
  const std::vector<socket_address> sorted = {
      socket_address(),
      socket_address("unix:@"),
      socket_address("unix:@b"),
      socket_address("unix:/a"),
      socket_address("unix:/b"),
      socket_address(R"(unix:/\xff)"),
      socket_address("9.0.0.0:99"),
      socket_address("10.0.0.0:9"),
      socket_address("10.0.0.0:10"),
      socket_address("[::1]:80"),
      socket_address("[fe80::1]:70"),
      socket_address("[fe80::1%1]:60"),
  };
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      CHECK((sorted[i] <=> sorted[j]) == (i <=> j));
      CHECK((sorted[i] == sorted[j]) == (i == j));
    }
  }
  const std::unordered_set<socket_address> hashed(sorted.begin(), sorted.end());
  CHECK(hashed.size() == sorted.size());
}

TEST_CASE("socket addresses can be formatted and put into errors", "[address][error]") {
  const socket_address address("[::1]:80");
  CHECK(fmt::format("{:>10}|", address) == "  [::1]:80|");
  const auto e = wring::error::from_errno(ECONNREFUSED, "connect to");
  for (const auto* text : {"127.0.0.1:80", "[fe80::1%3]:80", "unix:/x\\\\", "unix:@x"}) {
    CHECK(e.with_address(socket_address(text)).message() ==
          fmt::format("connect to {}: Connection refused (errno 111)", text));
  }
  CHECK(e.with_address(socket_address()).message() == "connect: Connection refused (errno 111)");
}
