// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/files/detail/file_state.hpp>
#include <wring/net/files/detail/file_work.hpp>
#include <wring/protocols/http/content/detail/cached_file.hpp>
#include <wring/protocols/http/content/detail/file_answer.hpp>
#include <wring/protocols/http/content/media_type.hpp>
#include <wring/protocols/http/content/negotiation.hpp>
#include <wring/protocols/http/content/static_files.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/url.hpp>

namespace wring::http {

namespace {

/// Codings that files beside the file may have, the smallest first.
struct coded_variant {
  std::string_view coding;
  std::string_view extension;
};
constexpr std::array<coded_variant, 3> variants = {{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}};

/// Which of them a client accepts, as bits.
unsigned accepted_variants(const fields& headers) noexcept {
  unsigned all = 0;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::array<std::string_view, 1> one = {variants[i].coding};
    if (choose_coding(headers, one) == std::size_t{0}) all |= 1U << i;
  }
  return all;
}

bool has_hidden_name(std::string_view path) noexcept {
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

/// A separator that the decoded path would not show as one of a name's.
bool has_encoded_slash(std::string_view raw) noexcept {
  for (std::size_t at = raw.find("%2"); at != std::string_view::npos; at = raw.find("%2", at + 1)) {
    if (at + 2 < raw.size() && detail::lower(raw[at + 2]) == 'f') return true;
  }
  return false;
}

void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        to += "&amp;";
        break;
      case '<':
        to += "&lt;";
        break;
      case '>':
        to += "&gt;";
        break;
      case '"':
        to += "&quot;";
        break;
      default:
        to += c;
    }
  }
}

/// All of a file that has this size. False if it has another, or cannot be read.
bool read_whole(int fd, std::string& into) noexcept {
  std::size_t got = 0;
  while (got < into.size()) {
    const ::ssize_t n = ::pread(fd, into.data() + got, into.size() - got, static_cast<::off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    got += static_cast<std::size_t>(n);
  }
  char more = 0;
  return ::pread(fd, &more, 1, static_cast<::off_t>(got)) == 0;
}

/// Whether the kernel has all of a file in memory, as far as that is found out soon.
bool is_in_memory(const net::descriptor& fd, std::uint64_t size) noexcept {
  constexpr std::uint64_t most = std::uint64_t{16} << 20;
  return size <= most && scheduler::current().engine().is_cached(fd.get(), 0, static_cast<std::size_t>(size));
}

/// An open file of a cache's, by its own descriptor, which stays open after it.
class borrowed_file {
 public:
  borrowed_file(std::shared_ptr<const detail::cached_file> of, std::string path)
      : of_(std::move(of)), file_(net::file::adopt(net::descriptor(), std::move(path))) {
    // Not before: where there is no memory for the file, the cache's descriptor must not be closed.
    net::detail::file_state& state = *net::detail::file_access::state_of(file_);
    state.fd = net::descriptor(of_->opened.get());
    state.in_memory = of_->in_memory.load(std::memory_order_relaxed);
  }
  borrowed_file(const borrowed_file&) = delete;
  borrowed_file& operator=(const borrowed_file&) = delete;
  ~borrowed_file() { static_cast<void>(net::detail::file_access::state_of(file_)->fd.release()); }

  [[nodiscard]] net::file& get() noexcept { return file_; }

 private:
  std::shared_ptr<const detail::cached_file> of_;
  net::file file_;
};

}  // namespace

/// What a thread has found.
struct static_files::found {
  int error = 0;
  net::descriptor fd;
  wring::detail::file_facts facts;
  std::string_view coding;
  std::optional<std::string> bytes;  // of a small one
};

std::string_view static_files::type_of(std::string_view path) const noexcept {
  for (const auto& [extension, type] : types_) {
    if (path.ends_with(extension)) return type;
  }
  return media_type_of(path);
}

task<> static_files::find_root() {
  const net::file_status status = co_await root_.status(".");
  device_ = status.device;
  number_ = status.number;
}

task<int> static_files::answer(request& rq, response& rs, std::string_view path) {
  const unsigned codings = options_.precompressed ? accepted_variants(rq.headers()) : 0;
  if (options_.precompressed && !rs.lists("vary", "accept-encoding")) rs.append("Vary", "Accept-Encoding");
  const detail::cached_name name{
      .device = device_, .number = number_, .how = codings * 2 + (options_.links ? 1U : 0U), .path = path};
  const detail::file_head head{.type = type_of(path), .max_age = options_.max_age, .immutable = options_.immutable};
  std::shared_ptr<detail::cached_file> cached = cache_->find(name);
  const std::int64_t now = scheduler::current().turn_time();
  const std::int64_t fresh = cache_->options().fresh.count();
  bool looked = false;
  if (cached == nullptr || cached->begin_look(now, fresh)) {
    const std::string name_there(path);  // an answer from the cache takes no memory
    net::detail::require_files("open", name_there);
    auto open = [&] {
      found f;
      const wring::detail::file_place at{
          .directory = root_.native_handle(), .beneath = true, .no_links = !options_.links};
      for (std::size_t i = 0; i <= variants.size(); ++i) {
        if (i < variants.size() && (codings >> i & 1U) == 0) continue;
        const std::string_view extension = i < variants.size() ? variants[i].extension : std::string_view();
        const wring::detail::opened_file opened =
            wring::detail::open_file(at, name_there + std::string(extension), O_RDONLY, 0);
        f.fd = net::descriptor(opened.fd);
        f.facts = opened.facts;
        f.error = opened.fd < 0 ? opened.fd : 0;
        f.coding = i < variants.size() ? variants[i].coding : std::string_view();
        if (f.error != 0) continue;
        if (S_ISREG(f.facts.mode)) break;
        f.error = S_ISDIR(f.facts.mode) ? -EISDIR : -ENOENT;
      }
      if (f.error != 0 || f.facts.size > cache_->options().largest) return f;
      f.bytes.emplace(static_cast<std::size_t>(f.facts.size), '\0');
      wring::detail::file_facts after;
      const bool unchanged = read_whole(f.fd.get(), *f.bytes) && wring::detail::file_facts_of(f.fd.get(), after) == 0 &&
                             after.modified == f.facts.modified && after.size == f.facts.size;
      if (!unchanged) f.bytes.reset();
      return f;
    };
    found f = co_await offload(thread_pool::files(), open);
    if (f.error != 0) {
      if (cached != nullptr) cache_->erase(name);
      co_return f.error;
    }
    const detail::served_file facts(f.facts, scheduler::current().engine().wall_now(), f.coding);
    if (!f.bytes) {
      const file_cache_options& o = cache_->options();
      const bool keeps = o.open_files != 0 && facts.is_settled() && f.facts.size > o.largest;
      if (cached != nullptr && (!keeps || cached->facts != facts)) {
        cache_->erase(name);
        cached = nullptr;
      }
      if (!keeps) {
        const auto ranges = detail::begin_file_answer(rq.method(), rq.headers(), rs, facts, head);
        if (!ranges) co_return 0;
        net::file from = net::file::adopt(std::move(f.fd), name_there);
        co_await detail::send_opened(rq.method(), rs, from, *ranges, facts.size(), head.type);
        co_return 0;
      }
      looked = true;
      if (cached == nullptr) {
        cached = std::make_shared<detail::cached_file>(facts, std::move(f.fd), now);
        cache_->insert(name, cached);
      }
    } else if (cached == nullptr || cached->facts != facts) {
      // What may change again without a sign of it is not kept, and what there was is out of date.
      if (cached != nullptr) cache_->erase(name);
      cached = std::make_shared<detail::cached_file>(facts, net::shared_bytes(std::string_view(*f.bytes)), now);
      if (facts.is_settled()) cache_->insert(name, cached);
    }
  }
  const auto ranges = detail::begin_file_answer(rq.method(), rq.headers(), rs, cached->facts, head);
  if (ranges && cached->opened.get() >= 0) {
    borrowed_file from(cached, std::string(path));
    co_await detail::send_opened(rq.method(), rs, from.get(), *ranges, cached->facts.size(), head.type);
    if (looked) cached->in_memory.store(is_in_memory(cached->opened, cached->facts.size()), std::memory_order_relaxed);
  } else if (ranges) {
    detail::send_cached(rs, cached->bytes, *ranges, head.type);
  }
  co_return 0;
}

task<> static_files::operator()(request& rq, response& rs) {
  // What has a slash within a name is no path below the root, and neither is this.
  return operator()(rq, rs, has_encoded_slash(rq.path()) ? std::string_view("/") : rq.param("path"));
}

task<> static_files::operator()(request& rq, response& rs, std::string_view path) {
  if (rq.method() != method::get && rq.method() != method::head) {
    rs.header("Allow", "GET, HEAD");
    rs.fail(405);
    co_return;
  }
  if (path.starts_with('/') || path.find("//") != std::string_view::npos ||
      (!options_.hidden && has_hidden_name(path))) {
    rs.fail(404);
    co_return;
  }
  if (number_ == 0) co_await find_root();
  if (path.empty() || path.ends_with('/')) {
    co_await answer_directory(rq, rs, path);
    co_return;
  }
  const int error = co_await answer(rq, rs, path);
  if (error == -EISDIR && (!index_.empty() || options_.list)) {
    detail::redirect_to_directory(rq, rs);
    co_return;
  }
  if (error != 0) detail::refuse_file(rs, error, std::string(path));
}

task<> static_files::answer_directory(request& rq, response& rs, std::string_view path) {
  if (!index_.empty()) {
    fmt::basic_memory_buffer<char, 256> there;  // in this frame, unless it is long
    there.append(path.data(), path.data() + path.size());
    there.append(index_.data(), index_.data() + index_.size());
    const int error = co_await answer(rq, rs, {there.data(), there.size()});
    if (error == 0) co_return;
    if (error != -ENOENT || !options_.list) {
      detail::refuse_file(rs, error, std::string(path));
      co_return;
    }
  }
  if (!options_.list) {
    rs.fail(404);
    co_return;
  }
  co_await list(rs, path);
}

task<> static_files::list(response& rs, std::string_view path) {
  std::vector<net::directory_entry> entries;
  std::optional<error> fault;
  const std::string here(path.empty() ? "." : path);
  try {
    if (!options_.links) {
      // Listing follows links that stay below the root.
      const wring::detail::file_place at{.directory = root_.native_handle(), .beneath = true, .no_links = true};
      wring::detail::file_facts facts;
      auto look = [&] { return wring::detail::file_facts_of(at, here, facts); };
      co_await net::detail::call_on_thread("look at", here, look);
    }
    entries = co_await root_.list(here, {.limit = options_.longest_list});
  } catch (const io_error& e) {
    fault = e.details();
  }
  if (fault) {
    if (*fault == errc::limit_exceeded) throw io_error(*fault);
    rs.fail(*fault == std::errc::permission_denied ? 403 : 404);
    co_return;
  }
  const auto is_shown = [this](const net::directory_entry& e) {
    if (!options_.hidden && e.name.starts_with('.')) return false;
    if (e.kind == net::file_kind::symbolic_link) return options_.links;
    return e.kind == net::file_kind::regular || e.kind == net::file_kind::directory ||
           e.kind == net::file_kind::unknown;
  };
  std::erase_if(entries, [&](const net::directory_entry& e) { return !is_shown(e); });
  std::ranges::sort(entries, [](const net::directory_entry& a, const net::directory_entry& b) {
    const bool a_first = a.kind == net::file_kind::directory;
    const bool b_first = b.kind == net::file_kind::directory;
    return a_first != b_first ? a_first : a.name < b.name;
  });
  std::string page = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>/";
  append_escaped(page, path);
  page += "</title></head>\n<body><h1>/";
  append_escaped(page, path);
  page += "</h1>\n<ul>\n";
  if (!path.empty()) page += "<li><a href=\"../\">../</a></li>\n";
  for (const net::directory_entry& e : entries) {
    const std::string_view slash = e.kind == net::file_kind::directory ? "/" : "";
    page.append("<li><a href=\"./").append(percent_encode(e.name)).append(slash).append("\">");
    append_escaped(page, e.name);
    page.append(slash).append("</a></li>\n");
  }
  page += "</ul></body></html>\n";
  rs.body(std::move(page), "text/html; charset=utf-8");
}

}  // namespace wring::http
