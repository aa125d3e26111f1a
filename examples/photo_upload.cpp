// SPDX-License-Identifier: MIT
//
// Photos that a page sends, with a bar that shows how far it is: a form whose files are written to a directory as they
// come.
//
//     $ photo_upload --port 8080 --max-photo 20MiB /srv/photos
//     listening on 127.0.0.1:8080
//
//     $ curl -F photo=@cat.jpg http://127.0.0.1:8080/photos
//     $ curl http://127.0.0.1:8080/photos/

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

constexpr std::string_view page = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Photos</title></head>
<body><h1>Photos</h1>
<form id="form" method="post" action="/photos" enctype="multipart/form-data">
<input type="file" name="photo" accept="image/*" multiple required> <button>Send</button>
<progress id="bar" max="1" value="0"></progress> <span id="state"></span>
</form>
<p><a href="/photos/">All photos</a></p>
<script>
const form = document.getElementById('form');
form.addEventListener('submit', event => {
  event.preventDefault();
  const state = document.getElementById('state');
  const sending = new XMLHttpRequest();
  sending.upload.onprogress = e => { document.getElementById('bar').value = e.loaded / e.total; };
  sending.onload = () => { state.textContent = sending.responseText; };
  sending.onerror = () => { state.textContent = 'the connection broke'; };
  sending.open('POST', form.action);
  sending.send(new FormData(form));
});
</script>
</body></html>
)";

/// The ending of a photo's name, by what its first bytes say: what the client says may be anything.
std::string_view ending_of(std::string_view beginning) {
  using namespace std::string_view_literals;
  if (beginning.starts_with("\xff\xd8\xff"sv)) return ".jpg";
  if (beginning.starts_with("\x89PNG\r\n\x1a\n"sv)) return ".png";
  if (beginning.starts_with("GIF87a"sv) || beginning.starts_with("GIF89a"sv)) return ".gif";
  if (beginning.starts_with("RIFF"sv) && beginning.substr(0, 12).ends_with("WEBP"sv)) return ".webp";
  return {};
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::optional<std::string> folder;
  std::uint64_t max_photo = std::uint64_t{20} * 1024 * 1024;
  std::size_t most = 20;
};

/// Writes one photo, under a name that nobody chooses. A file has its name only once it is complete.
task<std::string> keep(http::multipart_part& part, const settings& chosen) {
  net::temporary_file file = co_await net::create_temporary_file(*chosen.folder);
  std::string beginning;
  std::uint64_t size = 0;
  for (;;) {
    const wring::buffer_lease piece = co_await part.read_some();
    if (piece.empty()) break;
    size += piece.size();
    if (size > chosen.max_photo) throw http::status_error(413, "a photo is too large");
    const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
    if (beginning.size() < 12) beginning += text.substr(0, 12 - beginning.size());
    co_await file.content().write_all(text);
  }
  const std::string_view ending = ending_of(beginning);
  if (ending.empty()) throw http::status_error(415, "only photos: JPEG, PNG, GIF or WebP");
  std::random_device random;
  const std::string name = fmt::format("{:08x}{:08x}{}", random(), random(), ending);
  co_await file.keep(*chosen.folder + "/" + name);
  co_return name;
}

task<> upload(http::request& rq, http::response& rs, const settings& chosen) {
  http::multipart_reader parts(rq, {.parts = chosen.most});
  std::string kept;
  for (;;) {
    http::multipart_part* const part = co_await parts.next();
    if (part == nullptr) break;
    if (part->name() != "photo" || !part->filename()) continue;
    const std::string name = co_await keep(*part, chosen);
    kept += "/photos/" + name + "\n";
  }
  if (kept.empty()) throw http::status_error(400, "the form has no photo");
  rs.status(201).text(kept);
}

task<> serve(settings chosen) {
  net::directory folder = co_await net::open_directory(*chosen.folder);
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) {
    rs.header("Content-Security-Policy", "default-src 'self'; script-src 'unsafe-inline'");
    rs.html(page);
  });
  routes.post("/photos", [&](http::request& rq, http::response& rs) { return upload(rq, rs, chosen); })
      .max_body(chosen.max_photo * chosen.most);
  routes.get("/photos/{path...}", http::static_files(std::move(folder), {.list = true}));
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  http::server server(routes);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Keeps photos that a page sends in a directory, with a bar that shows how far it is.");
  options.listen(chosen.listen);
  options.text("FOLDER", chosen.folder, "where they are kept");
  options.require("FOLDER");
  options.size("--max-photo", chosen.max_photo, "the most bytes of one", 1, std::uint64_t{1} << 32);
  options.count("--most", chosen.most, "the most photos of a form", 1, 1000);
  options.sample("curl -F photo=@cat.jpg http://127.0.0.1:8080/photos");
  options.sample("curl http://127.0.0.1:8080/photos/");
  options.read(argc, argv);
  return wring::run([&] { return serve(chosen); });
}
