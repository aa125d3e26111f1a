// SPDX-License-Identifier: MIT
//
// Keeps files that are sent to it in a directory, up to a quota. An upload that was cut goes on where it ended.
//
//     $ upload_server --port 8080 --folder /srv/uploads --quota 10GiB
//     listening on 127.0.0.1:8080
//
//     $ curl -T disk.img http://127.0.0.1:8080/files/
//     $ curl http://127.0.0.1:8080/offset/disk.img
//     1048576
//     $ curl -C 1048576 -T disk.img http://127.0.0.1:8080/files/

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

/// A name that is safe as a file's: no folders, nothing hidden.
std::string name_of(const http::request& rq) {
  const std::string_view name = rq.param("name");
  const auto is_safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  if (name.size() > 200 || name.starts_with('.') || !std::ranges::all_of(name, is_safe)) {
    throw http::status_error(400, "a name has letters, digits, dots, dashes and underscores");
  }
  return std::string(name);
}

/// "bytes 100-199/1000": what of a file a request brings (RFC 9110, section 14.4).
struct byte_range {
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t whole;
};

std::optional<byte_range> parse_range(std::string_view text) {
  byte_range r{};
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto take = [&text](std::uint64_t& number, std::string_view behind) {
    const char* const end = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data(), end, number);
    if (fault != std::errc()) return false;
    text = std::string_view(stopped, static_cast<std::size_t>(end - stopped));
    if (!text.starts_with(behind)) return false;
    text.remove_prefix(behind.size());
    return true;
  };
  if (!take(r.first, "-") || !take(r.last, "/") || !take(r.whole, "") || !text.empty()) return std::nullopt;
  if (r.first > r.last || r.last >= r.whole) return std::nullopt;
  return r;
}

/// The files, of which those that are not complete have names that begin with a dot. Belongs to the scheduler.
class store {
 public:
  store(net::directory folder, std::uint64_t quota) : folder_(std::move(folder)), quota_(quota) {}

  /// Counts what is there already.
  task<> open() {
    const auto entries = co_await folder_.list();
    for (const net::directory_entry& e : entries) {
      if (e.kind != net::file_kind::regular) continue;
      const std::uint64_t size = co_await size_of(e.name);
      used_ += std::min(size, quota_ - used_);
    }
  }

  /// Bytes of a file; 0 if there is none.
  task<std::uint64_t> size_of(std::string name) {
    try {
      const net::file_status status = co_await folder_.status(name);
      co_return status.size;
    } catch (const wring::io_error& e) {
      if (e.details() != std::errc::no_such_file_or_directory) throw;
    }
    co_return 0;
  }

  task<> take(http::request& rq, http::response& rs) {
    const std::string name = name_of(rq);
    const writer only(*this, name);
    const std::string part = "." + name;
    const std::optional<std::string_view> range_text = rq.header("content-range");
    std::optional<byte_range> range;
    if (range_text) {
      range = parse_range(*range_text);
      if (!range) throw http::status_error(400, "Content-Range is not as in \"bytes 100-199/1000\"");
    }
    const std::uint64_t there = co_await size_of(part);
    if (range && range->first != there) {
      rs.header("Upload-Offset", std::to_string(there));
      rs.fail(409, "the upload has to go on at byte " + std::to_string(there));
      co_return;
    }
    if (!range) give_back(there);  // it begins anew
    net::file file = co_await folder_.open_file(part, {.write = true, .create = true, .truncate = !range});
    file.seek(range ? there : 0);
    const std::uint64_t most = range ? range->last - range->first + 1 : wring::unlimited;
    const std::uint64_t taken = co_await write(rq, file, most);
    if (range && taken != most) throw http::status_error(400, "the body is not as long as Content-Range says");
    if (range && range->last + 1 != range->whole) {
      rs.status(202).header("Upload-Offset", std::to_string(range->last + 1));
      rs.empty();
      co_return;
    }
    co_await file.sync();
    const std::uint64_t replaced = co_await size_of(name);
    co_await net::rename_file(folder_.path() + "/" + part, folder_.path() + "/" + name, true);
    give_back(replaced);
    rs.status(replaced == 0 ? 201 : 200).header("Location", "/files/" + name);
    rs.text(fmt::format("{} has {} bytes\n", name, (range ? there : 0) + taken));
  }

  task<> send(http::request& rq, http::response& rs) {
    const std::string name = name_of(rq);
    net::file file = co_await open_whole(name);
    const net::file_status status = co_await file.status();
    rs.header("Content-Type", "application/octet-stream").content_length(status.size);
    if (rq.method() == http::method::head) co_return;
    const auto copied = co_await net::copy(file, rs, {.limit = status.size});
    copied.value();
  }

  task<> tell_offset(http::request& rq, http::response& rs) {
    const std::string part = "." + name_of(rq);
    const std::uint64_t there = co_await size_of(part);
    rs.text(std::to_string(there) + "\n");
  }

  task<> remove(http::request& rq, http::response& rs) {
    const std::string name = name_of(rq);
    const writer only(*this, name);
    const std::uint64_t size = co_await size_of(name);
    try {
      co_await net::remove_file(folder_.path() + "/" + name);
    } catch (const wring::io_error& e) {
      if (e.details() == std::errc::no_such_file_or_directory) throw http::status_error(404);
      throw;
    }
    give_back(size);
    rs.status(204).empty();
  }

 private:
  /// One request changes a file at a time.
  class writer {
   public:
    writer(store& s, const std::string& name) : writing_(s.writing_) {
      const auto [place, added] = writing_.insert(name);
      if (!added) throw http::status_error(409, "the file is being written");
      place_ = place;
    }
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;
    ~writer() { writing_.erase(place_); }

   private:
    std::set<std::string>& writing_;
    std::set<std::string>::iterator place_;
  };

  task<net::file> open_whole(std::string name) {
    try {
      net::file opened = co_await folder_.open_file(std::move(name));
      co_return std::move(opened);
    } catch (const wring::io_error& e) {
      if (e.details() != std::errc::no_such_file_or_directory) throw;
    }
    throw http::status_error(404);
  }

  /// Writes the body as it comes. What was written stays when the client goes: that is what it can go on from.
  task<std::uint64_t> write(http::request& rq, net::file& to, std::uint64_t most) {
    const std::uint64_t announced = rq.body().length().value_or(0);
    if (announced > most) throw http::status_error(400, "the body is longer than Content-Range says");
    if (announced > quota_ - used_) throw http::status_error(507, "the quota is used up");
    std::uint64_t written = 0;
    for (;;) {
      const wring::buffer_lease piece = co_await rq.body().read_some();
      if (piece.empty()) co_return written;
      if (piece.size() > most - written) throw http::status_error(400, "the body is longer than Content-Range says");
      if (piece.size() > quota_ - used_) throw http::status_error(507, "the quota is used up");
      used_ += piece.size();  // also if the write is cut: counted too much rather than too little
      co_await to.write_all(piece);
      written += piece.size();
    }
  }
  void give_back(std::uint64_t bytes) noexcept { used_ -= std::min(used_, bytes); }

  net::directory folder_;
  std::uint64_t quota_;
  std::uint64_t used_ = 0;  // never more than the quota
  std::set<std::string> writing_;
};

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::string folder = ".";
  std::uint64_t quota = std::uint64_t{1024} * 1024 * 1024;
};

task<> serve(settings chosen) {
  net::directory folder = co_await net::open_directory(chosen.folder);
  store files(std::move(folder), chosen.quota);
  co_await files.open();
  http::router routes;
  routes.put("/files/{name}", [&](http::request& rq, http::response& rs) { return files.take(rq, rs); })
      .max_body(chosen.quota);
  routes.get("/files/{name}", [&](http::request& rq, http::response& rs) { return files.send(rq, rs); });
  routes.delete_("/files/{name}", [&](http::request& rq, http::response& rs) { return files.remove(rq, rs); });
  routes.get("/offset/{name}", [&](http::request& rq, http::response& rs) { return files.tell_offset(rq, rs); });
  http::server server(routes);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Keeps files that are sent to it, up to a quota. An upload that was cut goes on.");
  options.sample("curl -T disk.img http://127.0.0.1:8080/files/");
  options.sample("curl http://127.0.0.1:8080/offset/disk.img");
  options.sample("curl -C 1048576 -T disk.img http://127.0.0.1:8080/files/");
  options.listen(chosen.listen);
  options.text("--folder", chosen.folder, "the directory that the files are kept in");
  options.size("--quota", chosen.quota, "the most bytes that are kept", 1);
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
