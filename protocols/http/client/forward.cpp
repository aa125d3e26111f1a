// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/client/detail/h1_call.hpp>
#include <wring/protocols/http/client/detail/join_streams.hpp>
#include <wring/protocols/http/client/forward.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http {

namespace {

using detail::body_form;
using detail::equals_ignoring_case;
using detail::h1_call;

constexpr std::array<std::string_view, 13> of_connection{"connection",
                                                         "content-length",
                                                         "expect",
                                                         "host",
                                                         "keep-alive",
                                                         "proxy-authenticate",
                                                         "proxy-authorization",
                                                         "proxy-connection",
                                                         "te",
                                                         "trailer",
                                                         "transfer-encoding",
                                                         "upgrade",
                                                         "via"};
constexpr std::array<std::string_view, 4> of_forwarding{"forwarded", "x-forwarded-for", "x-forwarded-host",
                                                        "x-forwarded-proto"};

bool is_one_of(std::string_view lower_name, std::span<const std::string_view> names) noexcept {
  return std::ranges::find(names, lower_name) != names.end();
}

/// Whether Connection names the field, which then goes no further.
bool is_named(const fields& headers, std::string_view lower_name) noexcept {
  bool named = false;
  for (const std::string_view value : headers.all("connection")) {
    detail::for_each_element(value, [&](std::string_view e) { named = named || equals_ignoring_case(e, lower_name); });
  }
  return named && !is_one_of(lower_name, of_forwarding) && lower_name != "x-real-ip" && lower_name != "authorization";
}

/// Whether it is empty, or can stand in a request line as a path, and does not lead upwards.
bool is_plain_path(std::string_view text) noexcept {
  detail::target_parts parts;
  if (text.empty()) return true;
  return text.front() == '/' && !detail::parse_target(method::get, text, parts) && parts.path.size() == text.size() &&
         !parts.has_dots;
}

/// An address without its port, as X-Forwarded-For says it; empty if it is none of IP.
std::string host_of(const error_address& a) {
  if (a.ip_bytes().empty()) return {};
  const std::string text = a.to_string();
  std::string_view host = detail::without_port(text);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

}  // namespace

/// One request that is forwarded.
class forwarding_call {
 public:
  forwarding_call(client& web, request& rq, response& rs, const absolute_url& origin, const forward_hooks& hooks)
      : web_(web), rq_(rq), rs_(rs), origin_(origin), hooks_(hooks) {}

  [[nodiscard]] task<forward_outcome> run();

 private:
  using maybe_error = std::optional<error>;

  [[nodiscard]] std::string target() const;
  void append_head(h1_call& call);
  void append_forwarding(h1_call& call);
  [[nodiscard]] std::string_view wanted_protocol() const;
  [[nodiscard]] body_form form() const noexcept {
    const auto length = rq_.body().length();
    if (!length) return body_form::chunked;
    return *length != 0 || rq_.header("content-length") ? body_form::length : body_form::none;
  }
  /// Sends the request's body, and then waits until the head is overdue.
  [[nodiscard]] task<> pump(h1_call& call, cancel_scope& reading, maybe_error& fault);
  /// Reads the answer's head, and passes the answer on.
  [[nodiscard]] task<> pass_answer(h1_call& call, cancel_scope& reading, maybe_error& fault);
  [[nodiscard]] task<> exchange(h1_call& call, maybe_error& fault);
  void take_head(const h1_call& call);
  [[nodiscard]] task<> take_body(h1_call& call);
  [[nodiscard]] task<> switch_protocol(h1_call& call);

  client& web_;
  request& rq_;
  response& rs_;
  const absolute_url& origin_;
  const forward_hooks& hooks_;
  std::string_view protocol_;
  bool body_begun_ = false;
};

std::string_view forwarding_call::wanted_protocol() const {
  std::string_view first;
  detail::for_each_element(rq_.header("upgrade").value_or(""), [&](std::string_view e) {
    if (first.empty()) first = e;
  });
  return !first.empty() && rq_.asks_for(first) ? first : std::string_view();
}

void forwarding_call::append_forwarding(h1_call& call) {
  if (!hooks_.tell_client) return;
  const peer_info peer = rq_.peer();
  const bool trusted = !peer.proxy.empty();
  std::string clients;
  if (trusted) clients = rq_.headers().joined("x-forwarded-for");
  const std::string last = host_of(trusted ? peer.proxy : peer.address);
  if (!last.empty()) clients.append(clients.empty() ? "" : ", ").append(last);
  if (!clients.empty()) call.append_field("X-Forwarded-For", clients);
  call.append_field("X-Forwarded-Proto", rq_.scheme());
  const auto host = trusted ? rq_.header("x-forwarded-host") : std::nullopt;
  const std::string_view asked = host ? *host : rq_.authority();
  if (!asked.empty()) call.append_field("X-Forwarded-Host", asked);
}

std::string forwarding_call::target() const {
  if (rq_.path() == "*") return "*";  // is about the server, not about a path
  std::string target(origin_.path());
  std::string own;
  std::string_view path = rq_.path();
  if (hooks_.path) {
    own = hooks_.path(rq_);
    if (!is_plain_path(own)) {
      throw std::invalid_argument("what a request is forwarded to is no path: \"" + own + "\"");
    }
    path = own;
  }
  if (target.ends_with('/') && !path.empty()) target.pop_back();
  target += path;
  if (!rq_.query().empty()) target.append("?").append(rq_.query());
  return target;
}

void forwarding_call::append_head(h1_call& call) {
  const std::string_view host =
      hooks_.keep_host && !rq_.authority().empty() ? rq_.authority() : std::string_view(origin_.authority());
  web_.append_start(call, rq_.method_text(), origin_, target(), host);
  for (const field f : rq_.headers()) {
    if (is_one_of(f.name, of_connection) || is_named(rq_.headers(), f.name)) continue;
    if (hooks_.tell_client && is_one_of(f.name, of_forwarding)) continue;
    const bool dropped = std::ranges::any_of(hooks_.drop_from_request,
                                             [&](const std::string& d) { return equals_ignoring_case(d, f.name); });
    if (!dropped) call.append_field(f.name, f.value);
  }
  append_forwarding(call);
  if (hooks_.on_request) {
    std::vector<added_field> more;
    hooks_.on_request(rq_, more);
    for (const added_field& f : more) {
      if (!detail::is_token(f.name) || !detail::is_field_value(f.value)) {
        throw std::invalid_argument("a field that is added to a forwarded request is malformed");
      }
      call.append_field(f.name, f.value);
    }
  }
  std::string via = rq_.headers().joined("via");
  via.append(via.empty() ? "" : ", ").append(rq_.version() == version::http_1_0 ? "1.0 wring" : "1.1 wring");
  call.append_field("Via", via);
  if (!protocol_.empty()) {
    call.append_field("Upgrade", protocol_);
    call.append_field("Connection", "upgrade");
  }
  if (rq_.body().expects_continue()) call.append_field("Expect", "100-continue");
  call.append_end(form(), rq_.body().length().value_or(0));
}

task<> forwarding_call::pump(h1_call& call, cancel_scope& reading, maybe_error& fault) {
  result<> sent = co_await call.send_head();
  if (sent && rq_.body().expects_continue()) {
    const duration patience = web_.limits().continue_wait;
    static_cast<void>(co_await move_on_after(patience, call.wait_for_continue()));
  }
  while (sent && form() != body_form::none) {
    body_begun_ = true;
    const buffer_lease piece = co_await rq_.body().read_some();
    if (piece.empty()) break;
    sent = co_await call.send_body(piece);
  }
  if (sent) {
    std::vector<client_request::own_field> trailers;
    for (const field f : rq_.body().trailers()) trailers.push_back({std::string(f.name), std::string(f.value), false});
    sent = co_await call.end_body(trailers);
  }
  if (!sent) fault = sent.error();
  const bool overdue = !sent && sent.error() == errc::timed_out;
  if (!overdue) co_await sleep_for(web_.limits().head);
  if (call.has_head()) co_return;
  if (!fault) fault = error(errc::timed_out, "read the head of an answer from").with_address(call.peer());
  reading.cancel();
}

void forwarding_call::take_head(const h1_call& call) {
  if (call.status() > 599) {
    error::from_errno(EPROTO, "read the head of an answer from")
        .with_address(call.peer())
        .with_detail("the status is above 599")
        .raise();
  }
  if (call.status() != 101) rs_.status(call.status());
  const fields headers = call.headers();
  for (const field f : headers) {
    // The server has a Date of its own.
    if (f.name == "date" || is_one_of(f.name, of_connection) || is_named(headers, f.name)) continue;
    rs_.append(f.name, f.value);
  }
  std::string via = headers.joined("via");
  rs_.append("Via", via.append(via.empty() ? "" : ", ").append(call.minor() == 0 ? "1.0 wring" : "1.1 wring"));
  if (hooks_.on_response) hooks_.on_response(rs_);
}

task<> forwarding_call::take_body(h1_call& call) {
  const bool hidden = call.form() == body_form::none;
  if (const auto length = call.announced(); length && (!hidden || rq_.method() == method::head))
    rs_.content_length(*length);
  if (hidden && rq_.method() != method::head) {
    rs_.empty();
    co_return;
  }
  buffer_lease piece;
  if (!hidden) piece = call.try_read_body();
  // The head goes at once, whenever the body comes.
  if (piece.empty()) co_await rs_.write_all(std::string_view());
  if (hidden) co_return;
  for (;;) {
    if (piece.empty() && call.body_read()) break;
    if (piece.empty()) piece = co_await call.read_body();
    if (piece.empty()) break;
    co_await rs_.write_all(std::span<const std::byte>(piece.data(), piece.size()));
    piece.reset();
  }
  for (const field f : call.trailers()) rs_.trailer(f.name, f.value);
  co_await rs_.shut_down_write();
}

task<> forwarding_call::switch_protocol(h1_call& call) {
  net::any_stream server = call.take_stream();
  net::any_stream peer = co_await rs_.upgrade(protocol_);
  co_await detail::join_streams(peer, server);
}

task<> forwarding_call::pass_answer(h1_call& call, cancel_scope& reading, maybe_error& fault) {
  const std::optional<result<>> got = co_await reading.run(call.read_head(steady_clock::time_point::max()));
  if (!got || (!*got && fault && !call.answered())) co_return;  // `fault` says why
  if (!*got) {
    fault = got->error();
    co_return;
  }
  fault.reset();
  take_head(call);
  if (call.status() != 101) co_await take_body(call);
}

task<> forwarding_call::exchange(h1_call& call, maybe_error& fault) {
  nursery n;
  cancel_scope reading;
  const auto work = [&]() -> task<> {
    n.start([&] { return pump(call, reading, fault); });
    co_await pass_answer(call, reading, fault);
    n.cancel();
  };
  co_await n.run(std::ref(work));
}

task<forward_outcome> forwarding_call::run() {
  if (rq_.method() == method::connect) {
    rs_.fail(501);
    co_return forward_outcome();
  }
  protocol_ = wanted_protocol();
  const bool repeatable = form() == body_form::none && detail::is_idempotent(rq_.method());
  for (bool fresh = false;; fresh = true) {
    maybe_error fault;
    std::unique_ptr<h1_call> call;
    try {
      call = co_await web_.prepare(origin_, {.method = rq_.method(), .upgrade = !protocol_.empty()}, nullptr, fresh);
    } catch (const io_error& e) {
      fault = e.details();
    }
    if (fault) co_return forward_outcome(*fault, false);
    append_head(*call);
    bool failed_before = false;
    try {
      co_await exchange(*call, fault);
    } catch (const io_error& e) {
      // Once the head was sent, and where the client has failed, this ends the answer.
      if (rs_.head_sent() || body_begun_) throw;
      fault = e.details();
      failed_before = true;
    }
    if (!fault) {
      if (call->has_head() && call->status() == 101) co_await switch_protocol(*call);
      co_return forward_outcome();
    }
    const bool again = !fresh && !failed_before && repeatable && call->reused_connection() && !call->answered() &&
                       *fault != errc::timed_out;
    if (again) continue;
    const bool answered = body_begun_ || call->answered();
    if (answered) fail_forward(rs_, *fault, origin_);
    co_return forward_outcome(*fault, answered);
  }
}

void fail_forward(response& rs, const error& fault, const absolute_url& origin) {
  log::warn("a request could not be forwarded", {"origin", origin.origin()}, {"error", fault.message()});
  rs.fail(fault == std::errc::timed_out ? 504 : 502);
}

task<forward_outcome> try_forward(client& web, request& rq, response& rs, const absolute_url& origin,
                                  const forward_hooks& hooks) {
  forwarding_call call(web, rq, rs, origin, hooks);
  co_return co_await call.run();
}

task<> forward(client& web, request& rq, response& rs, const absolute_url& origin, const forward_hooks& hooks) {
  const forward_outcome outcome = co_await try_forward(web, rq, rs, origin, hooks);
  if (!outcome.answered()) fail_forward(rs, *outcome.fault(), origin);
}

task<> client::forward(request& rq, response& rs, std::string_view origin) {
  static const forward_hooks none;
  return forward(rq, rs, origin, none);
}

task<> client::forward(request& rq, response& rs, std::string_view origin, const forward_hooks& hooks) {
  const std::optional<absolute_url> url = absolute_url::parse(origin);
  if (!url) throw std::invalid_argument("what is forwarded to is no URL: \"" + std::string(origin) + "\"");
  co_await http::forward(*this, rq, rs, *url, hooks);
}

}  // namespace wring::http
