// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http::detail {

namespace {

head_limits head_limits_of(const server_limits& l) noexcept {
  return {.target = l.max_target, .size = l.max_head, .fields = l.max_fields};
}
head_limits trailer_limits_of(const server_limits& l) noexcept {
  return {.target = 0, .size = l.max_trailer, .fields = l.max_trailer_fields};
}

}  // namespace

h1_exchange::h1_exchange(connection& c, std::span<std::byte> memory_behind)
    : exchange(c.sched.blocks()),
      rq(*this),
      rs(*this),
      connection_(c),
      parser_(head_parser::kind::request, head_limits_of(c.server.limits)),
      store_(memory_behind),
      trailer_parser_(head_parser::kind::trailers, trailer_limits_of(c.server.limits)) {}

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
      log::debug("a request was refused", {"peer", connection_.stream.peer_address().to_string()},
                 {"reason", parser_.why().reason});
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
  rs.fail(status);
  append_head(framing::length);
  connection_.out.append(out.body);
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
  in.peer = connection_.stream.peer_address();
  in.security = connection_.stream.security();
  in.chunked = f.chunked;
  in.length = f.length;
  in_.left = f.length;
  in_.complete = !f.chunked && f.length == 0;
  in.expects_continue = f.expects_continue && !in_.complete;
  persistent_ = f.persistent();

  target_parts parts;
  const refusal wrong = parse_target(in.method, in.target, parts);
  in.scheme = in.security != nullptr ? "https" : "http";
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
  in.max_body = route_->max_body.value_or(connection_.server.limits.max_body);
  if (route_->require_length && !f.has_length) {
    fail(411, {});
    return false;
  }
  if (in.length > in.max_body) {
    persistent_ = false;
    fail(413, {});
    return false;
  }
  return true;
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
  if (reuse_ && !in_.complete) {
    if (in.expects_continue) {
      reuse_ = false;  // whether the body comes is not known
    } else {
      try {
        while (!next_piece().empty()) {
        }
      } catch (const status_error&) {
        reuse_ = false;
      }
      if (!in_.complete && (in.chunked || in_.left > connection_.server.limits.drained_body)) reuse_ = false;
    }
  }
  if (reuse_ && connection_.sched.stopping() && connection_.in.empty() && connection_.stream.received_ahead() == 0) {
    reuse_ = false;
  }
}

void h1_exchange::append_fields(const response_field* first) {
  output& o = connection_.out;
  for (const response_field* f = first; f != nullptr; f = f->next) {
    o.append(f->name);
    o.append(": ");
    o.append(f->value);
    o.append("\r\n");
  }
}

void h1_exchange::append_head(framing how) {
  output& o = connection_.out;
  if (out.status == 200) {
    o.append("HTTP/1.1 200 OK\r\nDate: ");
  } else {
    o.append("HTTP/1.1 ");
    o.append_number(static_cast<std::uint64_t>(out.status));
    o.append(" ");
    o.append(reason_of(out.status));
    o.append("\r\nDate: ");
  }
  o.append(connection_.server.date(connection_.sched));
  o.append("\r\n");
  append_fields(out.first);
  if (how == framing::length) {
    o.append("Content-Length: ");
    o.append_number(out.length.value_or(out.body.size()));
    o.append("\r\n");
  } else if (how == framing::chunked) {
    o.append("Transfer-Encoding: chunked\r\n");
  }
  if (!reuse_) {
    o.append("Connection: close\r\n\r\n");
  } else if (in.minor == 0) {
    o.append("Connection: keep-alive\r\n\r\n");
  } else {
    o.append("\r\n");
  }
  framing_ = how;
  out.head_sent = true;
}

task<h1_exchange::after> h1_exchange::finish() {
  connection& c = connection_;
  if (c.gone || handler_cut_) co_return after::abort;
  if (!out.head_sent) {
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
    decide_reuse();
    append_head(has_no_body() ? framing::none : framing::length);
    if (!hides_body()) {
      constexpr std::size_t copied = std::size_t{8} * 1024;
      if (out.body.size() < copied) {
        c.out.append(out.body);
      } else {
        const std::array<std::span<const std::byte>, 1> body{std::as_bytes(std::span(out.body))};
        const bool sent = co_await c.send(body);
        if (!sent) co_return after::abort;
      }
    }
  } else if (failed_late_) {
    co_return after::abort;
  } else if (!out.ended) {
    if (framing_ == framing::length && out.written != *out.length && in.method != method::head) {
      log::error("a handler has written less than it announced", {"path", in.path});
      co_return after::abort;
    }
    append_end();
  }
  constexpr std::size_t most_waiting = std::size_t{64} * 1024;
  if (c.out.size() >= most_waiting) {
    const bool sent = co_await c.flush();
    if (!sent) co_return after::abort;
  }
  if (!reuse_) co_return in_.complete && !in_.failed ? after::close : after::linger;
  while (!in_.complete) {
    bool bad = false;
    try {
      if (next_piece().empty() && !in_.complete) {
        const buffer_lease dropped = co_await read_body();
        bad = dropped.empty() && !in_.complete;
      }
    } catch (const std::exception&) {
      bad = true;
    }
    if (bad) co_return after::linger;
  }
  co_return after::reuse;
}

// What is read.

void h1_exchange::refuse_body(int status, const char* why) {
  in_.failed = true;
  persistent_ = false;
  throw status_error(status, {}, why);
}

void h1_exchange::count_body(std::size_t bytes) {
  in_.received += bytes;
  if (in.chunked && in_.received > in.max_body) refuse_body(413, "the body is longer than max_body");
}

bool h1_exchange::parse_trailers() {
  if (trailer_block_.empty()) {
    trailer_block_ = connection_.sched.blocks().acquire(block_pool::sizes.front());
    trailer_store_ = head_store({trailer_block_.data(), trailer_block_.size()});
  }
  for (;;) {
    const head_parser::step step = trailer_parser_.feed(connection_.in.bytes(), trailer_store_);
    connection_.in.drop(step.consumed);
    if (step.state == head_parser::status::refused) {
      refuse_body(trailer_parser_.why().status, trailer_parser_.why().reason);
    }
    if (step.state == head_parser::status::incomplete) return false;
    if (step.state == head_parser::status::done) {
      in.trailers = trailer_store_.all();
      return true;
    }
    buffer_lease larger = connection_.sched.blocks().acquire(2 * trailer_block_.size());
    trailer_store_.move_to({larger.data(), larger.size()});
    trailer_block_ = std::move(larger);
  }
}

buffer_lease h1_exchange::next_piece() {
  input& from = connection_.in;
  if (!in.chunked) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(in_.left, from.bytes().size()));
    if (count == 0) return {};
    in_.left -= count;
    in_.complete = in_.left == 0;
    in_.received += count;
    return from.take(count);
  }
  while (!from.empty() && !in_.complete) {
    if (in_.in_trailers) {
      in_.complete = parse_trailers();
      continue;
    }
    const chunked_decoder::step step = in_.chunks.feed(from.bytes());
    switch (step.state) {
      case chunked_decoder::status::more:
        from.drop(step.consumed);
        break;
      case chunked_decoder::status::data:
        from.drop(step.consumed - step.data);
        count_body(step.data);
        return from.take(step.data);
      case chunked_decoder::status::trailers:
        from.drop(step.consumed);
        in_.in_trailers = true;
        break;
      case chunked_decoder::status::refused:
        refuse_body(in_.chunks.why().status, in_.chunks.why().reason);
    }
  }
  return {};
}

duration h1_exchange::body_patience() const noexcept {
  const server_limits& l = connection_.server.limits;
  if (l.min_rate == 0) return l.body_progress;
  const duration due = std::chrono::seconds(5 + in_.received / l.min_rate);
  return std::min(l.body_progress, due - in_.waited);
}

task<buffer_lease> h1_exchange::read_body() {
  if (in_.failed) throw io_error(error(errc::unexpected_eof, "read the body of a request").with_address(in.peer));
  if (in.expects_continue) co_await send_continue();
  while (!in_.complete) {
    buffer_lease piece = next_piece();
    if (!piece.empty()) co_return std::move(piece);
    if (in_.complete) break;
    const auto before = steady_clock::now();
    const connection::fill got = co_await connection_.read_until(before + body_patience());
    in_.waited += steady_clock::now() - before;
    if (got == connection::fill::overdue) refuse_body(408, "the body came too slowly");
    if (got == connection::fill::ended) {
      in_.failed = true;
      persistent_ = false;
      co_await vanish();
      throw io_error(
          error(errc::unexpected_eof, "read the body of a request").with_address(in.peer).with_count(in_.received));
    }
  }
  co_return buffer_lease();
}

// What is written.

task<> h1_exchange::vanish() {
  // The handler's scope has been cancelled, unless it is to finish.
  if (connection_.gone && route_ != nullptr && route_->disconnect == disconnect::cancel) co_await yield();
}

task<> h1_exchange::send_continue() {
  if (!in.expects_continue) co_return;
  in.expects_continue = false;
  if (out.head_sent) co_return;
  connection_.out.append("HTTP/1.1 100 Continue\r\n\r\n");
  const bool sent = co_await connection_.flush();
  if (!sent) co_await vanish();
}

task<> h1_exchange::inform(int status) {
  if (status < 102 || status > 199) throw std::invalid_argument("an interim answer's status is 102 to 199");
  if (out.head_sent) throw std::logic_error("the answer's head has been sent");
  if (in.minor == 0) co_return;
  output& o = connection_.out;
  o.append("HTTP/1.1 ");
  o.append_number(static_cast<std::uint64_t>(status));
  o.append(" ");
  o.append(reason_of(status));
  o.append("\r\n");
  append_fields(out.first);
  o.append("\r\n");
  const bool sent = co_await connection_.flush();
  if (!sent) co_await vanish();
}

void h1_exchange::check_length(std::size_t more) {
  if (out.ended) throw std::logic_error("the answer's body has ended");
  if (has_no_body() && more != 0) throw std::logic_error("an answer of this status has no body");
  if (out.has_body) throw std::logic_error("the answer is whole: either set it or write it");
  if (out.length && more > *out.length - out.written) {
    throw std::logic_error("the answer's body is longer than it was announced");
  }
  if (!out.head_sent) {
    reuse_ = persistent_ && !in_.failed && !in.expects_continue && !connection_.sched.stopping();
    framing how = framing::until_close;
    if (has_no_body()) {
      how = framing::none;
    } else if (out.length) {
      how = framing::length;
    } else if (in.minor != 0) {
      how = framing::chunked;
    } else {
      reuse_ = false;
    }
    append_head(how);
  }
  out.written += more;
}

task<> h1_exchange::write_body(std::span<const std::byte> data) {
  const std::array<std::span<const std::byte>, 1> parts{data};
  co_await write_body(std::span<const std::span<const std::byte>>(parts));
}

task<> h1_exchange::write_body(std::span<const std::span<const std::byte>> parts) {
  std::size_t total = 0;
  for (const auto& part : parts) total += part.size();
  check_length(total);
  bool sent = true;
  if (hides_body() || total == 0) {
    sent = co_await connection_.flush();
  } else {
    constexpr std::string_view line_end = "\r\n";
    const bool chunk = framing_ == framing::chunked;
    if (chunk) append_chunk_size(total);
    if (chunk && parts.size() <= 2) {
      std::array<std::span<const std::byte>, 3> whole;
      *std::ranges::copy(parts, whole.begin()).out = std::as_bytes(std::span(line_end));
      const std::span<const std::span<const std::byte>> pieces(whole.data(), parts.size() + 1);
      sent = co_await connection_.send(pieces);
    } else {
      sent = co_await connection_.send(parts);
      if (chunk && sent) {
        connection_.out.append(line_end);
        sent = co_await connection_.flush();
      }
    }
  }
  if (!sent) co_await vanish();
}

void h1_exchange::append_chunk_size(std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 18> text{};
  std::size_t at = text.size();
  text[--at] = '\n';
  text[--at] = '\r';
  for (; size != 0; size /= 16) text[--at] = digits[size % 16];
  connection_.out.append({text.data() + at, text.size() - at});
}

void h1_exchange::append_end() {
  out.ended = true;
  if (framing_ != framing::chunked || hides_body()) return;
  connection_.out.append("0\r\n");
  append_fields(out.trailers);
  connection_.out.append("\r\n");
}

task<> h1_exchange::end_body() {
  if (out.ended) co_return;
  if (!out.head_sent) {
    if (!out.has_body && out.length.value_or(0) == 0) rs.empty();
    co_return;
  }
  if (framing_ == framing::length && out.written != *out.length) {
    throw std::logic_error("the answer's body is shorter than it was announced");
  }
  append_end();
  const bool sent = co_await connection_.flush();
  if (!sent) co_await vanish();
}

}  // namespace wring::http::detail
