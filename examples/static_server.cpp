// SPDX-License-Identifier: MIT
//
// Serves the files below a directory: with ranges, conditions, compression and lists of directories.
//
//     $ static_server --port 8080 --list /srv/www
//     listening on 127.0.0.1:8080
//
//     $ curl -r 0-99 http://127.0.0.1:8080/video.mp4
//     $ curl --compressed http://127.0.0.1:8080/index.html

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::optional<std::string> root;
  std::string index = "index.html";
  http::static_file_options files;
  wring::duration max_age = wring::duration();
  bool plain = false;
};

task<> serve(settings chosen) {
  net::directory root = co_await net::open_directory(chosen.root.value_or("."));
  http::router routes;
  if (!chosen.plain) routes.use(http::compression());
  routes.get("/{path...}", http::static_files(std::move(root), chosen.files).index(chosen.index));
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  http::server server(routes);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Serves the files below a directory: with ranges, conditions, compression and lists of directories.");
  options.listen(chosen.listen);
  options.text("ROOT", chosen.root, "the directory; without it the one it was started in");
  options.text("--index", chosen.index, "the file that a directory is answered with");
  options.flag("--list", chosen.files.list, "directories without such a file are listed");
  options.flag("--hidden", chosen.files.hidden, "names that begin with a dot are served, too");
  options.flag("--links", chosen.files.links, "symbolic links are followed, if they stay below the directory");
  options.flag("--precompressed", chosen.files.precompressed,
               "a file beside the one that is asked for, with .br, .zst or .gz, is preferred");
  options.flag("--plain", chosen.plain, "nothing is compressed on the way");
  options.time("--max-age", chosen.max_age, "how long a client may use a file without asking; 0 says nothing");
  options.sample("curl -r 0-99 http://127.0.0.1:8080/video.mp4");
  options.sample("curl --compressed http://127.0.0.1:8080/");
  options.read(argc, argv);
  if (chosen.max_age != wring::duration()) chosen.files.max_age = chosen.max_age;
  return wring::run([&] { return serve(chosen); });
}
