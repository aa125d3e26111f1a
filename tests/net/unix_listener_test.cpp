// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/run.hpp>
#include <wring/net/testing/listener_conformance.hpp>
#include <wring/net/unix_listener.hpp>

#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::socket_address;
namespace fs = std::filesystem;

/// Leaves the file of a socket behind that nobody serves, as a process that was killed.
void leave_stale(const std::string& path) {
  const raw_socket s = raw_socket::make(AF_UNIX);
  const socket_address at = socket_address::from_path(path);
  checked(::bind(s.get(), at.data(), at.size()), "bind");
  checked(::listen(s.get(), 1), "listen");
}

task<std::string> failure_to_listen(socket_address at, net::unix_listen_options options = {}) {
  const auto outcome = co_await net::listen_unix(at, options).result();
  co_return outcome ? "no error" : outcome.error().message();
}

unsigned mode_of(const std::string& path) {
  struct ::stat file{};
  checked(::stat(path.c_str(), &file), "stat");
  return file.st_mode & 07777;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST_CASE("Unix listeners keep the rules of listeners", "[unix][conformance]") {
  const temporary_folder folder;
  int count = 0;
  testing::run([&]() -> task<> {
    auto make = [&] { return net::listen_unix(folder / std::to_string(++count)); };
    auto connect = [](socket_address to) { return net::connect_unix(to); };
    co_await testing::check_listener(std::ref(make), connect);
    auto make_abstract = [&] {
      return net::listen_unix(socket_address::from_abstract_name("wring-rules-" + std::to_string(++count)));
    };
    co_await testing::check_listener(std::ref(make_abstract), connect);
  });
}

TEST_CASE("the socket's file has the mode that was asked for, whatever the umask", "[unix][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    const ::mode_t before = ::umask(022);
    auto open = co_await net::listen_unix(folder / "open", {.mode = 0666});
    auto closed = co_await net::listen_unix(folder / "closed", {.mode = 0600});
    auto usual = co_await net::listen_unix(folder / "usual");
    ::umask(before);
    REQUIRE(mode_of(folder / "open") == 0666);
    REQUIRE(mode_of(folder / "closed") == 0600);
    REQUIRE(mode_of(folder / "usual") == 0755);
  });
}

TEST_CASE("the file goes when listening stops, however that is", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "gone";
  run_net([&]() -> task<> {
    auto closed = co_await net::listen_unix(path);
    REQUIRE(fs::exists(path));
    co_await closed.close();
    REQUIRE(!fs::exists(path));
    auto drained = co_await net::listen_unix(path);
    co_await drained.drain();
    REQUIRE(!fs::exists(path));
    {
      auto destroyed = co_await net::listen_unix(path);
    }
    REQUIRE(!fs::exists(path));
    auto kept = co_await net::listen_unix(path, {.remove_file = false});
    co_await kept.close();
    REQUIRE(fs::exists(path));
    auto given_away = co_await net::listen_unix(path);
    given_away.keep_file();
    co_await given_away.close();
    REQUIRE(fs::exists(path));
  });
}

TEST_CASE("a file that has taken the socket's place stays", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "replaced";
  run_net([&]() -> task<> {
    auto first = co_await net::listen_unix(path);
    fs::remove(path);
    auto second = co_await net::listen_unix(path);
    co_await first.close();
    REQUIRE(fs::exists(path));
    const net::unix_stream client = co_await net::connect_unix(path);
    REQUIRE(client.is_open());
  });
}

TEST_CASE("a stale file is replaced, unless it is not to be", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "stale";
  leave_stale(path);
  run_net([&]() -> task<> {
    const std::string refused = co_await failure_to_listen(socket_address::from_path(path), {.replace_stale = false});
    REQUIRE(contains(refused, "Address already in use"));
    auto listener = co_await net::listen_unix(path);
    const net::unix_stream client = co_await net::connect_unix(path);
    REQUIRE(client.is_open());
  });
}

TEST_CASE("what is served, and what is no socket, is not replaced", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "taken";
  const std::string file = folder / "file";
  std::ofstream(file) << "precious";
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_unix(path);
    const std::string served = co_await failure_to_listen(socket_address::from_path(path));
    REQUIRE(contains(served, "another process serves it, or it may not be replaced"));
    const net::unix_stream client = co_await net::connect_unix(path);
    REQUIRE(client.is_open());
    const std::string other = co_await failure_to_listen(socket_address::from_path(file));
    REQUIRE(contains(other, "there is a file that is no socket"));
    REQUIRE(fs::file_size(file) == 8);
  });
}

TEST_CASE("of those that find a stale file at the same time, one gets the address", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "stale";
  leave_stale(path);
  run_net([&]() -> task<> {
    const raw_socket another(checked(::open((folder / ".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open"));
    checked(::flock(another.get(), LOCK_EX), "flock");
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto listener = co_await net::listen_unix(path);
        REQUIRE(listener.is_open());
      });
      co_await sleep_for(2ms);
      REQUIRE(fs::exists(path));  // nobody touches it meanwhile
      checked(::flock(another.get(), LOCK_UN), "flock");
    });
  });
}

TEST_CASE("listening on a Unix socket says what is wrong", "[unix][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    const std::string folderless = co_await failure_to_listen(socket_address::from_path(folder / "no/such/folder"));
    REQUIRE(contains(folderless, "the folder of the socket does not exist"));
    const std::string tcp = co_await failure_to_listen(socket_address("127.0.0.1:0"));
    REQUIRE(contains(tcp, "Address family not supported"));
    std::string no_queue;
    try {
      static_cast<void>(co_await net::listen_unix("/x", {.accept_queue = 0}));
    } catch (const std::invalid_argument& e) {
      no_queue = e.what();
    }
    REQUIRE(contains(no_queue, "it must be at least 1"));
    REQUIRE(contains(message_of([] { return net::listen_unix(""); }), "the path is empty"));
    auto taken = co_await net::listen_unix(socket_address("unix:@wring-taken"));
    const std::string again = co_await failure_to_listen(socket_address("unix:@wring-taken"));
    REQUIRE(contains(again, "Address already in use"));
    net::unix_listener none;
    REQUIRE(message_of([&] { static_cast<void>(none.accept()); }) ==
            "use a listener that listens nowhere: closed on this side");
  });
}

TEST_CASE("a listening Unix socket is taken over with its file left alone", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "given";
  run_net([&]() -> task<> {
    raw_socket s = raw_socket::make(AF_UNIX);
    const socket_address at = socket_address::from_path(path);
    checked(::bind(s.get(), at.data(), at.size()), "bind");
    REQUIRE(contains(message_of([&] { return net::unix_listener::adopt(s.get()); }), "Invalid argument"));
    checked(::listen(s.get(), 1), "listen");
    REQUIRE(contains(message_of([&] { return net::unix_listener::adopt(s.get(), 0); }), "at least 1"));
    auto listener = net::unix_listener::adopt(s.release());
    REQUIRE(listener.local_address().path() == path);
    const net::unix_stream client = co_await net::connect_unix(path);
    const net::unix_stream accepted = co_await listener.accept();
    REQUIRE(accepted.is_open());
    co_await listener.close();
    REQUIRE(fs::exists(path));
  });
}

}  // namespace
