// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_source.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/producer.hpp>
#include <wring/protocols/http/content/form.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {
class session;
}

namespace wring::web {

/// A request and its answer, as the resources of a tree are passed them: Twisted's `twisted.web.http.Request`, for code
/// with callbacks, which writes without waiting. Its answer is what was written, and complete with finish(). (That of a
/// request which a task answers is what the task makes of response(): then nothing can be written here.)
///
/// A `shared_ptr` to it may be kept as long as one likes. Once the client has gone, or the answer is complete, what is
/// written is dropped; `underlying` and what refers to the request's memory must not be used any more. One thread.
class WRING_API request final : public net::consumer, public std::enable_shared_from_this<request> {
 public:
  /// For the library. `write_limit`: bytes that may wait to be sent.
  request(http::request& rq, http::response& rs, std::size_t write_limit);
  ~request() override;

  /// While it is not over. Throws std::logic_error after that.
  [[nodiscard]] http::request& underlying() const;
  [[nodiscard]] http::response& response() const;

  [[nodiscard]] std::string_view method() const { return underlying().method_text(); }
  /// As it was sent: path and query.
  [[nodiscard]] std::string_view uri() const { return underlying().target(); }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    return underlying().header(name);
  }
  [[nodiscard]] std::optional<std::string_view> cookie(std::string_view name) const {
    return underlying().cookie(name);
  }
  /// The visitor's session: `http::sessions` must stand around the tree, std::logic_error otherwise.
  [[nodiscard]] http::session& session() const;
  /// The body, all of it. Throws std::logic_error while the resource is looked for, and if it streams the body.
  [[nodiscard]] const std::string& content() const;
  /// The values of that name, of the query and then of a form in the body, once that has been read. Those that are
  /// asked for before that are valid until then, others as long as this. Throws http::status_error 400 for bad ones.
  [[nodiscard]] std::vector<std::string_view> args(std::string_view name);

  /// The segments of the path that led to the resource, decoded, and those behind it.
  [[nodiscard]] const std::vector<std::string>& prepath() const noexcept { return prepath_; }
  [[nodiscard]] const std::vector<std::string>& postpath() const noexcept { return postpath_; }

  /// The head, until something is written. As those of `http::response`.
  void set_response_code(int status) { response().status(status); }
  void set_header(std::string_view name, std::string_view value) { response().header(name, value); }
  /// Answers with a redirection, 302, and finishes, unless a task answers.
  void redirect(std::string_view to);

  /// Sends a copy of `data` as soon as the client takes it. Once more than the limit waits, throws std::length_error:
  /// use a producer. After finish(), and where a task answers, throws std::logic_error; after the client has gone, does
  /// nothing.
  void write(std::span<const std::byte> data) override;
  using net::consumer::write;
  /// The answer is complete. Calling it twice throws std::logic_error.
  void finish();
  /// See `net::consumer`: it is paused while more than 64 KiB wait, and told to stop when the client has gone.
  void register_producer(net::producer& p, net::production how) override;
  void unregister_producer() override;

  /// Fires when the answer is complete and was handed to the connection, or fails with net::connection_aborted when the
  /// client has gone before. Each call makes another.
  [[nodiscard]] deferred<> notify_finish();
  /// Whether the client has gone, or the answer is complete.
  [[nodiscard]] bool over() const noexcept { return rq_ == nullptr; }

 private:
  friend class tree;

  /// Sends what is written until it is finished.
  [[nodiscard]] task<> send();
  void take_content(std::string content);
  void check_writable() const;
  /// What renders it has failed.
  void fail(const failure& why) noexcept;
  void end() noexcept;
  /// The next segment leads to a child.
  void descend();
  void resume_producer();

  http::request* rq_;
  http::response* rs_;
  std::optional<std::string> content_;
  std::size_t limit_;
  std::optional<http::form> args_;
  std::vector<std::string> prepath_;
  std::vector<std::string> postpath_;
  std::string unsent_;
  event wanted_;
  std::vector<deferred_source<>> finish_;
  net::producer* producer_ = nullptr;
  net::production production_ = net::production::push;
  std::optional<failure> failed_;
  bool paused_ = false;
  bool finished_ = false;
  bool has_task_ = false;  // which answers
  bool sent_ = false;
};

}  // namespace wring::web
