// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <wring/core/engine/engine.hpp>
#include <wring/core/log.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/access_log.hpp>
#include <wring/protocols/http/detail/encoded_body.hpp>
#include <wring/protocols/http/detail/forwarded.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/middleware/request_ids.hpp>
#include <wring/protocols/http/middleware/user.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http::detail {

namespace {

constexpr std::size_t most_waiting = std::size_t{64} * 1024;

head_limits head_limits_of(const server_limits& l) noexcept {
  return {.target = l.max_target, .size = l.max_head, .fields = l.max_fields};
}

}  // namespace

h1_exchange::h1_exchange(connection& c)
    : exchange(c.sched.blocks()),
      rq(*this),
      rs(*this),
      connection_(c),
      first_block_(c.sched.blocks().acquire(block_pool::sizes.front())),
      parser_(head_parser::kind::request, head_limits_of(c.server.limits)),
      store_({first_block_.data(), first_block_.size()}) {
  in.peer = c.peer;
  if (c.server.is_observed()) begun_ = c.sched.turn_time();
}

head_parser::status h1_exchange::parse_head() {
  for (;;) {
    const head_parser::step step = parser_.feed(connection_.in.bytes(), store_);
    connection_.in.drop(step.consumed);
    if (step.state == head_parser::status::no_room) {
      const std::size_t used = store_.size() + store_.count() * sizeof(field_entry);
      buffer_lease larger = connection_.sched.blocks().acquire(2 * (used + store_.room().size()));
      store_.move_to({larger.data(), larger.size()});
      head_block_ = std::move(larger);
      continue;
    }
    if (step.state == head_parser::status::refused) {
      log::debug("a request was refused", {"peer", in.peer.to_string()}, {"reason", parser_.why().reason});
      refuse_head(parser_.why().status);
    }
    return step.state;
  }
}

steady_clock::time_point h1_exchange::head_deadline() noexcept {
  if (!deadline_set_) head_deadline_ = steady_clock::now() + connection_.server.limits.head;
  deadline_set_ = true;
  return head_deadline_;
}

void h1_exchange::refuse_head(int status) {
  if (status == 414) connection_.server.met(met_limit::max_target);
  if (status == 431) connection_.server.met(met_limit::max_head);
  if (status == 408) connection_.server.met(met_limit::head);
  rs.fail(status);
  append_head(framing::length);
  connection_.out.append(out.body);
  answered_ = true;
}

void h1_exchange::record() const noexcept {
  if (in.method_text.empty() && !out.head_sent) return;  // a part of a head, and then nothing
  const std::int64_t elapsed = connection_.sched.clock_now() - begun_;
  const std::uint64_t sent = hides_body() ? 0 : out.has_body ? out.body.size() : out.written;
  if (request_counts* const counts = connection_.server.counts; counts != nullptr) {
    counts->add_request(in.method, out.head_sent ? out.status : 0, elapsed, body_.received(), sent);
  }
  if (connection_.server.log == nullptr) return;
  const auto text_of = [this](std::string_view name) { return in.headers.find(name).value_or(""); };
  const user* const who = rq.find<user>();
  const request_id* const id = rq.find<request_id>();
  const access_record r{
      .peer = in.peer,
      .user = who != nullptr ? who->name : std::string_view(),
      .method = in.method_text,
      .target = in.target,
      .referer = text_of("referer"),
      .agent = text_of("user-agent"),
      .id = id != nullptr ? id->text : std::string_view(),
      .bytes = sent,
      .elapsed = elapsed,
      .time = connection_.sched.engine().wall_now(),
      .status = static_cast<std::uint16_t>(out.head_sent ? out.status : 499),
      .minor = in.minor,
      .cut = out.head_sent && !answered_,
  };
  connection_.server.log->record(r);
}

bool h1_exchange::begin() {
  memory.use(store_.room());
  const head_facts& f = parser_.facts();
  const auto text = [this](text_range r) { return std::string_view(store_.text() + r.at, r.size); };
  in.method_text = text(f.method);
  in.method = method_of(in.method_text);
  in.minor = f.minor;
  in.target = text(f.target);
  in.headers = store_.all();
  in.security = connection_.stream.security();
  in.chunked = f.chunked;
  in.length = f.length;
  body_.begin(f.chunked ? body_form::chunked : body_form::length, f.length);
  in.expects_continue = f.expects_continue && !body_.complete();
  in.asks_upgrade = f.upgrade && f.minor != 0;
  // What follows a refused CONNECT may have been meant for the tunnel.
  persistent_ = f.persistent() && in.method != method::connect;

  target_parts parts;
  refusal wrong = parse_target(in.method, in.target, parts);
  if (in.method == method::connect && (f.chunked || f.has_length)) wrong = {400, "a CONNECT has no body"};
  in.scheme = in.security != nullptr ? "https" : "http";
  if (connection_.server.proxies) apply_forwarding();
  in.authority = parts.authority.empty() ? text(f.host) : parts.authority;
  in.path = parts.path;
  in.query = parts.query;
  in.path_has_escapes = parts.has_escapes;
  if (wrong) {
    persistent_ = false;
    fail(wrong.status, wrong.reason);
    return false;
  }
  if (parts.has_dots) {
    char* const path = memory.characters(in.path.size() + 1);
    in.path = {path, remove_dots(in.path, path)};
  }
  in.max_body = connection_.server.limits.max_body;
  if (!connection_.server.hosts.empty() && in.method != method::connect && !connection_.server.is_host(in.authority)) {
    fail(421, {});
    return false;
  }
  const route_match match(connection_.server.routes, *this);
  route_ = match.entry();
  if (route_ == nullptr) {
    if (match.status() == 204) {
      rs.status(204).empty();
    } else {
      fail(match.status(), {});
    }
    if (!match.allow().empty()) rs.header("Allow", match.allow());
    return false;
  }
  if (!match.allow().empty()) rs.header("Allow", match.allow());
  if (route_->max_body) in.max_body = *route_->max_body;
  if (route_->readiness && connection_.sched.stopping()) {
    fail(503, "the server is stopping");
    return false;
  }
  if (route_->require_length && !f.has_length) {
    fail(411, {});
    return false;
  }
  if (in.length > in.max_body) {
    persistent_ = false;
    connection_.server.met(met_limit::max_body);
    fail(413, {});
    return false;
  }
  return true;
}

void h1_exchange::apply_forwarding() noexcept {
  const request_origin origin = origin_of(in.peer, in.headers, *connection_.server.proxies);
  if (!origin.forwarded) return;
  in.proxy = std::exchange(in.peer, origin.client);
  if (!origin.scheme.empty()) in.scheme = origin.scheme;
}

void h1_exchange::fail(int status, std::string_view text) noexcept {
  if (out.head_sent) {
    failed_late_ = true;
    return;
  }
  out.first = nullptr;
  out.length.reset();
  try {
    rs.fail(status, text);
  } catch (...) {
    handler_cut_ = true;  // no memory even for this: the connection is cut
  }
}

void h1_exchange::fail(const std::exception_ptr& failure) noexcept {
  const auto report = [this](const char* what) {
    log::error("a handler failed", {"method", in.method_text}, {"path", in.path}, {"error", what});
  };
  try {
    std::rethrow_exception(failure);
  } catch (const status_error& e) {
    log::debug("a handler has ended with a status", {"method", in.method_text}, {"path", in.path}, {"error", e.what()});
    fail(e.status(), e.text());
    return;
  } catch (const io_error& e) {
    // The request's body has ended early: there is nobody to blame here.
    if (in_.failed) {
      persistent_ = false;
      fail(400, {});
      return;
    }
    report(e.what());
  } catch (const std::exception& e) {
    report(e.what());
  } catch (...) {
    report("an exception of unknown type");
  }
  fail(500, {});
}

void h1_exchange::decide_reuse() {
  reuse_ = persistent_ && !in_.failed;
  if (reuse_ && !body_.complete()) {
    if (in.expects_continue) {
      reuse_ = false;  // whether the body comes is not known
    } else {
      try {
        while (!next_piece().empty()) {
        }
      } catch (const status_error&) {
        reuse_ = false;
      }
      if (!body_.complete() && (in.chunked || body_.left() > connection_.server.limits.drained_body)) reuse_ = false;
    }
  }
  if (last_of_connection()) reuse_ = false;
}

bool h1_exchange::last_of_connection() const noexcept {
  return connection_.sched.stopping() && connection_.in.empty() && connection_.stream.received_ahead() == 0;
}

namespace {

std::size_t size_of(const response_field* first) noexcept {
  std::size_t size = 0;
  for (const response_field* f = first; f != nullptr; f = f->next) size += f->name.size() + f->value.size() + 4;
  return size;
}

char* put_fields(char* at, const response_field* first) noexcept {
  for (const response_field* f = first; f != nullptr; f = f->next) {
    at = put(put(at, f->name), ": ");
    at = put(put(at, f->value), "\r\n");
  }
  return at;
}

constexpr std::string_view version_text = "HTTP/1.1 ";
constexpr std::string_view length_text = "Content-Length: ";
constexpr std::string_view chunked_text = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view close_text = "Connection: close\r\n";
constexpr std::string_view keep_alive_text = "Connection: keep-alive\r\n";

}  // namespace

void h1_exchange::append_fields(const response_field* first) {
  output& o = connection_.out;
  o.wrote(put_fields(o.room(size_of(first)), first));
}

void h1_exchange::append_start(int status) {
  const std::string_view reason = reason_of(status);
  const std::string_view date = connection_.server.date_field(connection_.sched);
  output& o = connection_.out;
  char* at = o.room(version_text.size() + most_digits + 3 + reason.size() + date.size());
  at = put_number(put(at, version_text), static_cast<std::uint64_t>(status));
  *at++ = ' ';
  at = put(put(put(at, reason), "\r\n"), date);
  o.wrote(at);
}

void h1_exchange::append_head(framing how, std::size_t following) {
  output& o = connection_.out;
  std::string_view beginning;
  const response_field* fields = out.first;
  if (out.status == 200) {
    beginning = connection_.server.beginning(connection_.sched);
  } else {
    append_start(out.status);
    if (out.status == 426 && !out.offers.empty()) {
      append_fields(std::exchange(fields, nullptr));
      append_offer();
    }
  }
  constexpr std::size_t most = length_text.size() + most_digits + chunked_text.size() + keep_alive_text.size() + 4;
  char* at = put_fields(put(o.room(beginning.size() + size_of(fields) + most + following), beginning), fields);
  if (how == framing::length) {
    at = put(put_number(put(at, length_text), out.length.value_or(out.body.size())), "\r\n");
  } else if (how == framing::chunked) {
    at = put(at, chunked_text);
  }
  if (!reuse_) {
    at = put(at, close_text);
  } else if (in.minor == 0) {
    at = put(at, keep_alive_text);
  }
  o.wrote(put(at, "\r\n"));
  framing_ = how;
  out.head_sent = true;
}

void h1_exchange::complete_answer() {
  connection& c = connection_;
  if (!out.has_body && out.length.value_or(0) != 0 && !hides_body()) {
    log::error("a handler has announced a body and not written it", {"path", in.path});
    fail(500, {});
  }
  if (out.error_page && c.server.on_error) {
    try {
      c.server.on_error->call(rq, rs);
    } catch (...) {
      fail(std::current_exception());
    }
  }
  refuse_false_tunnel();
  decide_reuse();
  constexpr std::size_t copied = std::size_t{8} * 1024;
  const bool hidden = hides_body();
  body_unsent_ = !hidden && out.body.size() >= copied;
  const std::string_view appended = hidden || body_unsent_ ? std::string_view() : out.body;
  append_head(has_no_body() ? framing::none : framing::length, appended.size());
  c.out.append(appended);
}

std::optional<h1_exchange::after> h1_exchange::finish_at_once() {
  if (connection_.gone || handler_cut_) return after::abort;
  if (switched_ && !failed_late_) return after::linger;
  if (out.encoder != nullptr && !failed_late_) return std::nullopt;  // finish() encodes
  if (!out.head_sent) {
    complete_answer();
  } else if (failed_late_) {
    return after::abort;
  } else if (!out.ended) {
    if (framing_ == framing::length && out.written != *out.length && in.method != method::head) {
      log::error("a handler has written less than it announced", {"path", in.path});
      return after::abort;
    }
    append_end();
  }
  if (body_unsent_ || connection_.out.size() >= most_waiting) return std::nullopt;
  return answer_ended();
}

std::optional<h1_exchange::after> h1_exchange::answer_ended() noexcept {
  answered_ = true;
  // A client that has not asked for the end may be sending its next request, which must not reset the connection.
  if (!reuse_) return body_.complete() && !in_.failed && !persistent_ ? after::close : after::linger;
  if (body_.complete()) return after::reuse;
  return std::nullopt;
}

task<h1_exchange::after> h1_exchange::finish() {
  if (out.encoder != nullptr) {
    try {
      co_await complete_encoding(*this, rs);
    } catch (...) {
      fail(std::current_exception());
    }
    out.encoder = nullptr;
    if (const std::optional<after> what = finish_at_once()) co_return *what;
  }
  if (body_unsent_) {
    const std::array<std::span<const std::byte>, 1> body{std::as_bytes(std::span(out.body))};
    const bool sent = co_await connection_.send(body);
    if (!sent) co_return after::abort;
  } else if (connection_.out.size() >= most_waiting) {
    const bool sent = co_await connection_.flush();
    if (!sent) co_return after::abort;
  }
  if (const std::optional<after> what = answer_ended()) co_return *what;
  const bool dropped = co_await drop_body();
  co_return dropped ? after::reuse : after::linger;
}

}  // namespace wring::http::detail
