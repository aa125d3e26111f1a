// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>

#include <wring/protocols/http/content/detail/file_answer.hpp>
#include <wring/protocols/http/web/file.hpp>

namespace wring::web {

/// What a path leads to below a directory: all segments of the path from `from` on.
class file::place final : public resource {
 public:
  place(std::shared_ptr<file> of, std::size_t from) noexcept : of_(std::move(of)), from_(from) {}

  [[nodiscard]] bool is_leaf() const override { return true; }
  [[nodiscard]] bool streams_body() const override { return true; }
  [[nodiscard]] rendered render_get(request& rq) override {
    return [this, &rq] { return answer(rq); };
  }

 private:
  [[nodiscard]] task<> answer(request& rq);

  std::shared_ptr<file> of_;
  std::size_t from_;
};

task<> file::place::answer(request& rq) {
  std::string path = rq.prepath()[from_];
  // A slash that was escaped makes no segment.
  std::size_t slashes = static_cast<std::size_t>(std::ranges::count(path, '/'));
  for (const std::string& segment : rq.postpath()) {
    slashes += static_cast<std::size_t>(std::ranges::count(segment, '/'));
    path.append("/").append(segment);
  }
  if (slashes != 0) {
    rq.response().fail(404);
    co_return;
  }
  co_await (*of_->below_)(rq.underlying(), rq.response(), path);
}

std::shared_ptr<resource> file::child(std::string_view /*segment*/, request& rq) {
  if (!below_) return nullptr;
  return std::make_shared<place>(std::static_pointer_cast<file>(shared_from_this()), rq.prepath().size() - 1);
}

rendered file::render_get(request& rq) {
  return [this, &rq] { return answer(rq); };
}

task<> file::answer(request& rq) {
  if (!below_) {
    co_await rq.response().file(path_);
    co_return;
  }
  if (rq.prepath().empty() || rq.prepath().back().empty()) {
    co_await (*below_)(rq.underlying(), rq.response(), {});
    co_return;
  }
  http::detail::redirect_to_directory(rq.underlying(), rq.response());
}

}  // namespace wring::web
