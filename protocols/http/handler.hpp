// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/task.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

class next;

/// What a middleware that runs before the handler returns.
enum class verdict : bool {
  pass,      ///< go on
  answered,  ///< the answer is in the response: the handler is not called
};
inline constexpr verdict pass = verdict::pass;
inline constexpr verdict answered = verdict::answered;

/// Answers requests: a function, or an object that is called as one, `void(request&, response&)`; or a task, if it has
/// something to await, `task<>(request&, response&)`. Copies share the object. Its captures live as long as the router,
/// so a coroutine lambda may use them.
class handler {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, handler> && std::invocable<std::decay_t<F>&, request&, response&>)
  handler(F&& f) {
    using function = std::decay_t<F>;
    using made = std::invoke_result_t<function&, request&, response&>;
    static_assert(std::is_void_v<made> || std::same_as<made, task<>>, "a handler returns nothing, or task<>");
    auto object = std::make_shared<function>(std::forward<F>(f));
    object_ = object.get();
    owner_ = std::move(object);
    if constexpr (std::is_void_v<made>) {
      call_ = [](void* o, request& rq, response& rs) { std::invoke(*static_cast<function*>(o), rq, rs); };
    } else {
      start_ = [](void* o, request& rq, response& rs) -> task<> {
        return std::invoke(*static_cast<function*>(o), rq, rs);
      };
    }
  }

  [[nodiscard]] bool is_task() const noexcept { return start_ != nullptr; }
  /// If it is no task.
  void call(request& rq, response& rs) const { call_(object_, rq, rs); }
  /// If it is one.
  [[nodiscard]] task<> start(request& rq, response& rs) const { return start_(object_, rq, rs); }

 private:
  void* object_ = nullptr;
  void (*call_)(void*, request&, response&) = nullptr;
  task<> (*start_)(void*, request&, response&) = nullptr;
  std::shared_ptr<void> owner_;
};

/// Stands before or around handlers. Before: `verdict(request&, response&)`, or `void`, which always passes. Around: a
/// task, `task<>(request&, response&, http::next)`, which awaits `next()` where the handler is to run; it sees what the
/// handler has set when that has returned, and every exception. Copies share the object, as those of handlers do.
class middleware {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, middleware> &&
             (std::invocable<std::decay_t<F>&, request&, response&> ||
              std::invocable<std::decay_t<F>&, request&, response&, next>))
  middleware(F&& f);

  [[nodiscard]] bool is_task() const noexcept { return start_ != nullptr; }
  [[nodiscard]] verdict call(request& rq, response& rs) const { return call_(object_, rq, rs); }
  [[nodiscard]] inline task<> start(request& rq, response& rs, next n) const;

 private:
  void* object_ = nullptr;
  verdict (*call_)(void*, request&, response&) = nullptr;
  task<> (*start_)(void*, request&, response&, next) = nullptr;
  std::shared_ptr<void> owner_;
};

namespace detail {
struct chain;
}

/// What is inside a middleware: the next one, or the handler. Called at most once; not calling it answers in its place.
class WRING_API next {
 public:
  /// For the library.
  next(const detail::chain& c, std::size_t index, request& rq, response& rs) noexcept
      : chain_(&c), index_(index), request_(&rq), response_(&rs) {}

  [[nodiscard]] task<> operator()() const;

 private:
  const detail::chain* chain_;
  std::size_t index_;
  request* request_;
  response* response_;
};

template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, middleware> &&
           (std::invocable<std::decay_t<F>&, request&, response&> ||
            std::invocable<std::decay_t<F>&, request&, response&, next>))
middleware::middleware(F&& f) {
  using function = std::decay_t<F>;
  auto object = std::make_shared<function>(std::forward<F>(f));
  object_ = object.get();
  owner_ = std::move(object);
  if constexpr (std::invocable<function&, request&, response&, next>) {
    start_ = [](void* o, request& rq, response& rs, next n) -> task<> {
      return std::invoke(*static_cast<function*>(o), rq, rs, n);
    };
  } else {
    call_ = [](void* o, request& rq, response& rs) {
      if constexpr (std::is_void_v<std::invoke_result_t<function&, request&, response&>>) {
        std::invoke(*static_cast<function*>(o), rq, rs);
        return pass;
      } else {
        return std::invoke(*static_cast<function*>(o), rq, rs);
      }
    };
  }
}

inline task<> middleware::start(request& rq, response& rs, next n) const { return start_(object_, rq, rs, n); }

}  // namespace wring::http
