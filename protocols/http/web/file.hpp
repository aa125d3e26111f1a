// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/content/static_files.hpp>
#include <wring/protocols/http/web/resource.hpp>

namespace wring::web {

/// A directory with all that is in it, below its place in the tree: Twisted's `static.File`. What is shown, and how, is
/// up to the `http::static_files`. What put_child puts there comes before a file of that name.
///
///     auto www = co_await net::open_directory("/srv/www");
///     root->put_child("static", std::make_shared<web::file>(http::static_files(std::move(www)).index("index.html")));
///
/// For a single file, give its path. One scheduler.
class WRING_API file final : public resource {
 public:
  explicit file(http::static_files below) noexcept : below_(std::move(below)) {}
  /// The path is the program's own; see `http::response::file`. Nothing is below it but what put_child puts there.
  explicit file(std::string path) noexcept : path_(std::move(path)) {}

  [[nodiscard]] bool streams_body() const override { return true; }
  [[nodiscard]] std::shared_ptr<resource> child(std::string_view segment, request& rq) override;
  [[nodiscard]] rendered render_get(request& rq) override;

 private:
  class place;

  /// Answers for the directory's own name.
  [[nodiscard]] task<> answer(request& rq);

  std::optional<http::static_files> below_;
  std::string path_;
};

}  // namespace wring::web
