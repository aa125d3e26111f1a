// SPDX-License-Identifier: MIT
//
// A server opens files, and passes them on as open files: its clients need no right to open them themselves.
//
//     $ unix_fdpass --socket /tmp/files.sock --folder /etc &
//     serving /etc at unix:/tmp/files.sock
//
//     $ unix_fdpass --socket /tmp/files.sock hostname
//     example
//
// A client sends a name and a line break; the server answers "ok" with the descriptor, or why not. It answers only
// processes of its own user, whom it knows by the socket.

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  std::string socket = "/tmp/unix_fdpass.sock";
  std::string folder = ".";
  std::optional<std::string> file;
  net::serve_options serve{.grace = std::chrono::seconds(3)};
};

/// The file of this name in the folder; the error's text if it cannot be opened. It cannot be anywhere else.
std::string open_in(int folder, const std::string& name, net::descriptor& opened) {
  if (name.empty() || name.find('/') != std::string::npos || name == "..") return "the name of a file, without folders";
  opened = net::descriptor(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return opened.get() >= 0 ? std::string() : std::string(std::strerror(errno));
}

task<> answer(int folder, net::unix_stream peer) {
  const net::unix_credentials who = peer.peer_credentials();
  net::reader lines(peer);
  const auto name = co_await lines.read_line();
  if (!name) co_return;
  net::descriptor opened;
  const std::string problem =
      who.user == ::geteuid() ? open_in(folder, std::string(*name), opened) : std::string("you are another user");
  if (problem.empty()) {
    const std::array<int, 1> passed{opened.get()};
    co_await peer.write_all("ok\n", passed);
  } else {
    const std::string refusal = problem + '\n';
    co_await peer.write_all(refusal);
  }
}

task<> serve_files(settings chosen) {
  const net::descriptor folder(::open(chosen.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) throw std::runtime_error(fmt::format("open {}: {}", chosen.folder, std::strerror(errno)));
  auto listener = co_await net::listen_unix(chosen.socket, {.mode = 0600});
  fmt::print("serving {} at {}\n", chosen.folder, listener.local_address());
  std::fflush(stdout);
  auto answer_one = [&](net::unix_stream peer) { return answer(folder.get(), std::move(peer)); };
  co_await net::serve(listener, std::ref(answer_one), chosen.serve);
}

/// Asks for a file, and prints it.
task<> print_file(settings chosen) {
  net::unix_stream server = co_await net::connect_unix(chosen.socket, {.descriptors = 1});
  const std::string request = *chosen.file + '\n';
  co_await server.write_all(request);
  net::reader lines(server);
  const auto line = co_await lines.read_line();
  if (!line || *line != "ok") {
    throw std::runtime_error(fmt::format("{}: {}", *chosen.file, line ? *line : "no answer"));
  }
  const net::descriptor file = server.take_descriptor();
  std::array<char, 4096> piece;
  for (::ssize_t got = 0; (got = ::read(file.get(), piece.data(), piece.size())) > 0;) {
    std::fwrite(piece.data(), 1, static_cast<std::size_t>(got), stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Passes the files of a folder on to other processes, as open files. With the name of a file, asks such a server "
      "for it, and prints it.");
  options.text("--socket", chosen.socket, "the path of the server's socket");
  options.text("--folder", chosen.folder, "the folder whose files are passed on");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.text("FILE", chosen.file, "the file to ask for; without it, this is the server");
  options.read(argc, argv);
  return wring::run(chosen.file ? print_file : serve_files, chosen);
}
