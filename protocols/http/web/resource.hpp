// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/web/request.hpp>

namespace wring::web {

/// What render returns for an answer that is finished later, by `request::finish`.
struct not_done_yet_type {};
inline constexpr not_done_yet_type not_done_yet;

/// What a resource's render returns: a text, which is the whole answer; `not_done_yet`; or a deferred, with which the
/// answer is finished, and which is cancelled if the client goes before. A coroutine is one by `start_deferred`:
///
///     web::rendered render_get(web::request& rq) override { return wring::start_deferred(show, rq.shared_from_this());
///     }
///
/// Or a function that makes a task, which answers as a handler does, by `request::response`, at the client's pace. It
/// is a part of the request: it is cancelled if the client goes before, and the request, the resource and what the
/// function has captured are there until it has ended.
///
///     web::rendered render_put(web::request& rq) override { return [this, &rq] { return save(rq); }; }
class rendered {
 public:
  struct unsupported {};  ///< there is no such method: 405

  template <std::convertible_to<std::string> Text>
  rendered(Text&& text) : value_(std::in_place_type<std::string>, std::forward<Text>(text)) {}
  rendered(not_done_yet_type) noexcept : value_(not_done_yet_type()) {}
  rendered(unsupported) noexcept : value_(unsupported()) {}
  rendered(deferred<> d) : value_(std::move(d)) {}
  template <class F>
    requires std::same_as<std::invoke_result_t<F&>, task<>>
  rendered(F make) : value_(task_maker(std::move(make))) {}

 private:
  friend class tree;
  using task_maker = std::function<task<>()>;

  std::variant<std::string, not_done_yet_type, unsupported, deferred<>, task_maker> value_;
};

/// What a URL names: Twisted's `twisted.web.resource.Resource`. Children are found by the segments of the path, decoded
/// after it was split. Resources are shared: a request keeps the one that it is rendered by.
class WRING_API resource : public std::enable_shared_from_this<resource> {
 public:
  resource() = default;
  resource(const resource&) = delete;
  resource& operator=(const resource&) = delete;
  virtual ~resource();

  /// The child for a segment that put_child has none for; null: 404. `request::postpath` is what follows. The
  /// request's body has not been read yet.
  [[nodiscard]] virtual std::shared_ptr<resource> child(std::string_view segment, request& rq);
  /// Puts a child there, in place of the one before. The empty segment is that of a path which ends with a slash.
  void put_child(std::string segment, std::shared_ptr<resource> child);
  /// What put_child has put there, or else child().
  [[nodiscard]] std::shared_ptr<resource> child_with_default(std::string_view segment, request& rq);
  /// Whether it is rendered for all that is below it, too.
  [[nodiscard]] virtual bool is_leaf() const { return false; }
  /// Whether a request's body is left to what render returns, to be read from `request::underlying`. Otherwise it is
  /// read before render is called, and is `request::content`.
  [[nodiscard]] virtual bool streams_body() const { return false; }

  /// Calls render_get, render_head and so on, by the method; override it for others than those.
  [[nodiscard]] virtual rendered render(request& rq);
  [[nodiscard]] virtual rendered render_get(request& rq);
  /// As GET by default; the body is not sent.
  [[nodiscard]] virtual rendered render_head(request& rq);
  [[nodiscard]] virtual rendered render_post(request& rq);
  [[nodiscard]] virtual rendered render_put(request& rq);
  [[nodiscard]] virtual rendered render_patch(request& rq);
  [[nodiscard]] virtual rendered render_delete(request& rq);
  [[nodiscard]] virtual rendered render_options(request& rq);
  /// What a 405 says in Allow.
  [[nodiscard]] virtual std::string allowed_methods() const { return "GET, HEAD"; }

 private:
  std::map<std::string, std::shared_ptr<resource>, std::less<>> children_;
};

}  // namespace wring::web
