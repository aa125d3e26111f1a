// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/files/detail/file_work.hpp>
#include <wring/protocols/http/content/detail/file_answer.hpp>
#include <wring/protocols/http/content/media_type.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>
#include <wring/protocols/http/url.hpp>

namespace wring::http::detail {

namespace {

using std::chrono::seconds;

std::chrono::sys_seconds wall_now() noexcept {
  return std::chrono::floor<seconds>(scheduler::current().engine().wall_now());
}

std::string content_range(const byte_range& r, std::uint64_t size) {
  return fmt::format("bytes {}-{}/{}", r.first, r.last, size);
}

/// A text that no file contains, except by a chance that nobody can bring about.
std::string make_boundary() {
  std::array<std::byte, 16> random{};
  scheduler::current().engine().random(random);
  std::string text = "wring-";
  for (const std::byte b : random) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

/// What stands before the ranges of a multipart/byteranges, and behind the last.
struct range_frame {
  range_frame(std::span<const byte_range> ranges, std::uint64_t size, std::string_view type)
      : boundary(make_boundary()) {
    for (const byte_range& r : ranges) {
      heads.push_back(fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n", boundary, type,
                                  content_range(r, size)));
      length += heads.back().size() + r.size();
    }
    end = "\r\n--" + boundary + "--\r\n";
    length += end.size();
  }

  void set_type(response& rs) const { rs.header("Content-Type", "multipart/byteranges; boundary=" + boundary); }

  std::string boundary;
  std::vector<std::string> heads;
  std::string end;
  std::uint64_t length = 0;
};

void set_cache_control(response& rs, const file_head& head) {
  if (!head.max_age) return;
  const auto age =
      std::max<std::int64_t>(0, std::chrono::duration_cast<seconds>(std::chrono::nanoseconds(*head.max_age)).count());
  std::array<char, 64> text;
  const auto end = fmt::format_to_n(text.data(), text.size(), "max-age={}{}", age, head.immutable ? ", immutable" : "");
  rs.header("Cache-Control", {text.data(), end.size});
}

}  // namespace

void redirect_to_directory(const request& rq, response& rs) {
  // Relative to where it was asked for, so that nothing of the path can be taken for a host.
  const std::string_view raw = rq.path();
  std::string to = "./" + std::string(raw.substr(raw.rfind('/') + 1)) + "/";
  if (!rq.query().empty()) to.append("?").append(rq.query());
  rs.redirect(to, 308);
}

std::string attachment(std::string_view name) {
  std::string plain;
  bool exact = true;
  for (const char c : name) {
    const bool fits = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%' && c != '/';
    plain += fits ? c : '_';
    exact = exact && fits;
  }
  std::string text = "attachment; filename=\"" + plain + "\"";
  if (!exact) text += "; filename*=UTF-8''" + percent_encode(name);
  return text;
}

std::optional<byte_ranges> begin_file_answer(method m, const fields& headers, response& rs, const served_file& file,
                                             const file_head& head) {
  const auto now = wall_now();
  const validators v = file.validators();
  rs.header("ETag", v.tag);
  rs.header("Last-Modified", file.modified());
  set_cache_control(rs, head);
  switch (evaluate_conditions(m, headers, v, now)) {
    case condition::not_modified:
      rs.status(304).empty();
      return std::nullopt;
    case condition::failed:
      rs.fail(412);
      return std::nullopt;
    case condition::met:
      break;
  }
  if (!rs.header("content-type")) rs.header("Content-Type", head.type);
  if (!file.coding().empty()) rs.header("Content-Encoding", file.coding());
  if (!head.download.empty()) rs.header("Content-Disposition", attachment(head.download));
  rs.content_length(file.size());  // by which an encoder decides, too
  // The ranges of what a compression makes on the way are not known.
  if (rs.begin_encoding()) {
    rs.header("Accept-Ranges", "none");
    return byte_ranges();
  }
  rs.header("Accept-Ranges", "bytes");
  const auto asked = headers.all("range");
  if (m != method::get || asked.empty() || ++asked.begin() != asked.end() || !range_applies(headers, v, now)) {
    return byte_ranges();
  }
  byte_ranges ranges = byte_ranges::parse(*asked.begin(), file.size());
  if (ranges.what() == byte_ranges::outcome::unsatisfiable) {
    rs.remove("content-encoding")
        .remove("content-disposition")
        .header("Content-Range", fmt::format("bytes */{}", file.size()));
    rs.fail(416);
    return std::nullopt;
  }
  if (ranges.what() == byte_ranges::outcome::part) rs.status(206);
  if (ranges.all().size() == 1) rs.header("Content-Range", content_range(ranges.all()[0], file.size()));
  return ranges;
}

void send_cached(response& rs, const net::shared_bytes& bytes, const byte_ranges& ranges, std::string_view type) {
  const auto all = ranges.all();
  if (all.empty()) {
    rs.body(bytes, {});
    return;
  }
  if (all.size() == 1) {
    rs.body(bytes, {}, static_cast<std::size_t>(all[0].first), static_cast<std::size_t>(all[0].size()));
    return;
  }
  const range_frame frame(all, bytes.size(), type);
  frame.set_type(rs);
  const std::string_view text(reinterpret_cast<const char*>(bytes.bytes().data()), bytes.size());
  std::string body;
  body.reserve(static_cast<std::size_t>(frame.length));
  for (std::size_t i = 0; i < all.size(); ++i) {
    body += frame.heads[i];
    body += text.substr(static_cast<std::size_t>(all[i].first), static_cast<std::size_t>(all[i].size()));
  }
  body += frame.end;
  rs.body(std::move(body), {});
}

task<> send_opened(method m, response& rs, net::file& from, const byte_ranges& ranges, std::uint64_t size,
                   std::string_view type) {
  const auto all = ranges.all();
  if (all.size() > 1) {
    const range_frame frame(all, size, type);
    frame.set_type(rs);
    rs.content_length(frame.length);
    for (std::size_t i = 0; i < all.size(); ++i) {
      co_await rs.write_all(frame.heads[i]);
      co_await rs.write_file(from, all[i].first, all[i].size());
    }
    co_await rs.write_all(frame.end);
    co_return;
  }
  const byte_range r = all.empty() ? byte_range{0, size - 1} : all[0];
  const std::uint64_t count = size == 0 ? 0 : r.size();
  const bool encoded = rs.begin_encoding();
  if (!encoded) rs.content_length(count);
  if (m == method::head && !encoded) co_return;
  if (m == method::head || count == 0) {
    co_await rs.write_all(std::string_view());
    co_return;
  }
  co_await rs.write_file(from, r.first, count);
}

void refuse_file(response& rs, int number, const std::string& path) {
  switch (-number) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case EISDIR:
    case EINVAL:
    case ENXIO:
    case ENODEV:
      rs.fail(404);
      return;
    case EACCES:
    case EPERM:
      rs.fail(403);
      return;
    default:
      net::detail::raise_about_file(number, "open", path);
  }
}

namespace {

task<> answer_file(method m, const fields& headers, response& rs, std::string path, file_answer_options options) {
  net::detail::require_files("open", path);
  auto open = [&path] {
    const wring::detail::opened_file f = wring::detail::open_file({.directory = AT_FDCWD}, path, O_RDONLY, 0);
    return std::pair(net::descriptor(f.fd), f);
  };
  auto opened = co_await offload(thread_pool::files(), open);
  if (opened.second.fd < 0 || net::detail::kind_of(opened.second.facts.mode) != net::file_kind::regular) {
    refuse_file(rs, opened.second.fd < 0 ? opened.second.fd : -EISDIR, path);
    co_return;
  }
  const served_file facts(opened.second.facts, scheduler::current().engine().wall_now(), {});
  const std::string_view type = options.type.empty() ? media_type_of(path) : options.type;
  const auto ranges = begin_file_answer(m, headers, rs, facts,
                                        {.type = type, .download = options.download, .max_age = options.max_age});
  if (!ranges) co_return;
  net::file from = net::file::adopt(std::move(opened.first), std::move(path));
  co_await send_opened(m, rs, from, *ranges, facts.size(), type);
}

}  // namespace

}  // namespace wring::http::detail

namespace wring::http {

// Here, because an answer with a file is made of others.
task<> response::file(std::string path, file_answer_options options) {
  return detail::answer_file(exchange_->in.method, exchange_->in.headers, *this, std::move(path), options);
}

}  // namespace wring::http
