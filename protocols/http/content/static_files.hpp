// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/directory.hpp>
#include <wring/protocols/http/content/file_cache.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

/// What of a directory `static_files` show, and how.
struct static_file_options {
  bool list = false;    ///< a directory without an index is answered with a list of what is in it
  bool hidden = false;  ///< also names that begin with a dot, which are answered 404 otherwise
  bool links = false;   ///< symbolic links are followed, as far as they stay below the root
  /// A client that accepts it gets `page.html.br`, `.zst` or `.gz`, if there is such a file beside `page.html`.
  bool precompressed = false;
  std::optional<duration> max_age = {};  ///< how long a client may use a file without asking; none: not said
  bool immutable = false;                ///< with max_age: the files never change; what changes gets another name
  std::size_t longest_list = 10'000;     ///< names; a directory with more is not listed, but answered 500
};
static_assert(std::is_trivially_destructible_v<static_file_options>);

/// A handler that answers with the files below a directory, for a route whose last part is `{path...}`:
///
///     auto files = co_await net::open_directory("/srv/www");
///     r.get("/static/{path...}", http::static_files(std::move(files)).index("index.html"));
///
/// Nothing outside of the directory is reached, whatever a request says. Only regular files are answered; everything
/// else, and what cannot be, is 404, and what the program may not read 403. A slash in a name (`%2F`) is no name. A
/// directory that has an index or a list, and is asked for without its last slash, is redirected to.
///
/// Answers have a type (`media_type_of`), validators (a strong ETag once the file is a second old) and ranges, and
/// follow the request's conditions. Exactly as many bytes are sent as were announced: where a file became shorter
/// meanwhile, the connection is cut. Files change best by renaming, see `net::temporary_file`.
///
/// Small files come from a `file_cache`; larger ones the kernel sends, see `net::send_file`. Files are opened and
/// looked at by threads of `thread_pool::files()`. Movable; one scheduler.
class WRING_API static_files {
 public:
  explicit static_files(net::directory root, static_file_options options = {}) noexcept
      : root_(std::move(root)), options_(options) {}

  /// The name of the file that a directory is answered with. Without it, only lists are.
  static_files& index(std::string name) & {
    index_ = std::move(name);
    return *this;
  }
  static_files&& index(std::string name) && { return std::move(index(std::move(name))); }
  /// The media type of files with this extension, such as ".foo", instead of the one of the table.
  static_files& type(std::string extension, std::string media_type) & {
    types_.emplace_back(std::move(extension), std::move(media_type));
    return *this;
  }
  static_files&& type(std::string extension, std::string media_type) && {
    return std::move(type(std::move(extension), std::move(media_type)));
  }
  /// Uses this cache, which must outlive the router, instead of `file_cache::shared()`.
  static_files& cache(file_cache& c) & noexcept {
    cache_ = &c;
    return *this;
  }
  static_files&& cache(file_cache& c) && noexcept { return std::move(cache(c)); }

  [[nodiscard]] task<> operator()(request& rq, response& rs);
  /// The same for this path instead of the route's: relative to the root, with its escapes decoded, and a slash at the
  /// end, or nothing at all, for a directory. It must stay until this has ended.
  [[nodiscard]] task<> operator()(request& rq, response& rs, std::string_view path);

 private:
  struct found;

  [[nodiscard]] std::string_view type_of(std::string_view path) const noexcept;
  [[nodiscard]] task<> find_root();
  /// Answers with a file, or says why there is none: 0 or -errno; EISDIR for a directory. The path is in the request's
  /// memory, or the caller's frame.
  [[nodiscard]] task<int> answer(request& rq, response& rs, std::string_view path);
  [[nodiscard]] task<> answer_directory(request& rq, response& rs, std::string_view path);
  [[nodiscard]] task<> list(response& rs, std::string_view path);

  net::directory root_;
  static_file_options options_;
  std::string index_;
  std::vector<std::pair<std::string, std::string>> types_;
  file_cache* cache_ = &file_cache::shared();
  std::uint64_t device_ = 0;  // of the root, once it was looked at
  std::uint64_t number_ = 0;
};

}  // namespace wring::http
