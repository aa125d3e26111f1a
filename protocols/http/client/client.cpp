// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/client/connect_tunnel.hpp>
#include <wring/protocols/http/client/detail/call_fault.hpp>
#include <wring/protocols/http/client/detail/text_source.hpp>

namespace wring::http {

namespace {

using detail::body_form;
using detail::h1_call;

constexpr std::size_t most_sent_whole = std::size_t{64} * 1024;
constexpr std::uint64_t most_dropped = std::uint64_t{64} * 1024;

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::int64_t seconds_now() {
  const auto since = scheduler::current().engine().wall_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

body_form form_of(const client_request& q, bool streams) noexcept {
  if (q.content_length()) return body_form::length;
  if (streams) return body_form::chunked;
  // RFC 9110, section 8.6: such a request is expected to have a body.
  const bool expected = q.method() == "POST" || q.method() == "PUT" || q.method() == "PATCH";
  return expected ? body_form::length : body_form::none;
}

}  // namespace

client::client(const client_limits& limits)
    : pool_(limits), own_connector_(std::make_unique<net::name_connector>()), connector_(*own_connector_) {}

client& client::proxies(proxy_rules rules) {
  proxies_ = std::move(rules);
  return *this;
}
client& client::cookies(cookie_jar& jar) noexcept {
  jar_ = &jar;
  return *this;
}
client& client::user_agent(std::string text) {
  user_agent_ = std::move(text);
  return *this;
}

client_stats client::stats() const noexcept {
  return {.connections = pool_.size(),
          .idle = pool_.idle(),
          .requests = requests_,
          .connects = connects_,
          .retries = retries_};
}

task<net::any_stream> client::dial_through(const absolute_url& url, const proxy_server& proxy) {
  const net::connect_target target{.kind = net::connection_kind::tcp, .host = proxy.host, .port = proxy.port};
  net::any_stream stream = co_await connector_.connect(target);
  if (url.scheme() != url_scheme::https) co_return std::move(stream);
  if (secure_ == nullptr) {
    detail::fail_call(error::from_errno(EPROTONOSUPPORT, "connect to")
                          .with_detail("the client's connector cannot secure a tunnel: use a tls::connector"),
                      url);
  }
  std::string authority = url.authority();
  if (url.port() == 443) authority += ":443";
  net::any_stream tunnel = co_await connect_tunnel(std::move(stream), authority, proxy.authorization, pool_.limits);
  co_return co_await secure_(securer_, std::move(tunnel), url.host());
}

task<net::any_stream> client::dial(const absolute_url& url, const proxy_server* proxy) {
  const client_limits& l = pool_.limits;
  ++connects_;
  const duration most = url.scheme() == url_scheme::https ? l.connect + l.handshake : l.connect;
  net::connect_target target{.kind = net::connection_kind::tcp, .host = url.host(), .port = url.port()};
  if (url.scheme() == url_scheme::https) target.kind = net::connection_kind::tls;
  if (url.scheme() == url_scheme::http_unix) target.kind = net::connection_kind::unix_path;
  std::optional<error> overdue;
  try {
    if (proxy != nullptr) co_return co_await with_timeout(most, dial_through(url, *proxy));
    if (url.scheme() == url_scheme::http_unix) co_return co_await with_timeout(most, unix_.connect(target));
    co_return co_await with_timeout(most, connector_.connect(target));
  } catch (const timeout_error& e) {
    overdue = e.details();
  }
  detail::fail_call(overdue->with_detail("client_limits::connect"), url);
}

task<std::unique_ptr<h1_call>> client::prepare(const absolute_url& url, detail::asked_request asked,
                                               const client_request::interim_observer* told, bool fresh) {
  const proxy_server* const proxy = proxies_.proxy_for(url);
  detail::origin_key key{.scheme = url.scheme(), .port = url.port(), .host = url.host(), .proxy = proxy};
  if (proxy != nullptr && url.scheme() == url_scheme::http) {
    key.host = proxy->host;
    key.port = proxy->port;
  }
  detail::connection_use place = co_await pool_.acquire(key, fresh);
  if (!place) {
    net::any_stream stream = co_await dial(url, proxy);
    place.connected(std::move(stream));
  }
  ++requests_;
  co_return std::make_unique<h1_call>(std::move(place), asked, told);
}

void client::append_start(h1_call& call, std::string_view method, const absolute_url& url, std::string_view target,
                          std::string_view host) const {
  const proxy_server* const proxy = proxies_.proxy_for(url);
  if (proxy == nullptr || url.scheme() != url_scheme::http) return call.append_start(method, {}, target, host);
  call.append_start(method, url.origin(), target, host);
  if (!proxy->authorization.empty()) call.append_field("Proxy-Authorization", proxy->authorization);
}

void client::append_head(h1_call& call, const client_request& q, bool streams) {
  const auto own_host = q.header("host");
  append_start(call, q.method(), q.url(), q.url().target(),
               own_host ? std::string_view() : std::string_view(q.url().authority()));
  for (const client_request::own_field& f : q.headers()) call.append_field(f.name, f.value);
  if (!user_agent_.empty() && !q.header("user-agent")) call.append_field("User-Agent", user_agent_);
  if (q.decodes() && !q.header("accept-encoding"))
    call.append_field("Accept-Encoding", detail::content_decoder::known());
  if (jar_ != nullptr && !q.header("cookie")) {
    const std::string cookies = jar_->header_for(q.url(), seconds_now());
    if (!cookies.empty()) call.append_field("Cookie", cookies);
  }
  if (!q.upgrade().empty()) {
    call.append_field("Upgrade", q.upgrade());
    call.append_field("Connection", "upgrade");
  }
  const body_form form = form_of(q, streams);
  const bool has_body = form == body_form::chunked || q.content_length().value_or(0) != 0;
  if (q.expects_continue() && has_body) call.append_field("Expect", "100-continue");
  if (form == body_form::chunked) {
    for (const client_request::own_field& f : q.trailers()) call.append_field("Trailer", f.name);
  }
  call.append_end(form, q.content_length().value_or(0));
}

void client::keep_cookies(const absolute_url& from, const fields& headers) {
  if (jar_ == nullptr) return;
  for (const std::string_view value : headers.all("set-cookie")) jar_->set(from, value, seconds_now());
}

task<std::unique_ptr<h1_call>> client::ask(const client_request& q, const net::byte_source_ref* body) {
  if (q.method() == "CONNECT") throw std::invalid_argument("a client sends no CONNECT: see connect_tunnel");
  const std::string_view text = q.body() ? std::string_view(*q.body()) : std::string_view();
  const bool whole = body == nullptr && text.size() <= most_sent_whole && !(q.expects_continue() && !text.empty());
  for (bool fresh = false;; fresh = true) {
    std::unique_ptr<h1_call> call = co_await prepare(
        q.url(), {.method = method_of(q.method()), .upgrade = !q.upgrade().empty()}, &q.on_interim(), fresh);
    append_head(*call, q, body != nullptr);
    result<> done;
    if (whole) {
      done = co_await call->send_whole(text);
    } else if (body != nullptr) {
      done = co_await call->send_from(*body, q.trailers(), q.expects_continue());
    } else {
      detail::text_source source(text);
      done = co_await call->send_from(source, {}, q.expects_continue());
    }
    if (done) co_return std::move(call);
    // Only a connection that had been kept may have been closed before the request was sent.
    const bool again = !fresh && call->reused_connection() && !call->answered() && body == nullptr && q.retries() &&
                       done.error() != errc::timed_out;
    if (!again) detail::fail_call(done.error(), q.url());
    ++retries_;
  }
}

task<client_response> client::follow(const client_request& first, const net::byte_source_ref* body) {
  const unsigned most = first.redirects().value_or(pool_.limits.max_redirects);
  std::optional<client_request> next;
  const client_request* q = &first;
  for (unsigned followed = 0;; ++followed) {
    std::unique_ptr<h1_call> call = co_await ask(*q, body);
    keep_cookies(q->url(), call->headers());
    const int status = call->status();
    std::optional<absolute_url> to;
    const auto location = call->headers().find("location");
    if (is_redirect(status) && location && most != 0) to = q->url().resolve(*location);
    const bool becomes_get = status == 303 || (q->method() == "POST" && status != 307 && status != 308);
    if (!to || (body != nullptr && !becomes_get)) {
      if (q->decodes() && !q->header("accept-encoding")) call->decode();
      co_return client_response(std::move(call), q->shared_url());
    }
    if (followed == most) {
      detail::fail_call(error(errc::limit_exceeded, "follow the redirects of")
                            .with_count(most)
                            .with_detail("client_limits::max_redirects"),
                        q->url());
    }
    if (q->url().scheme() == url_scheme::https && to->scheme() != url_scheme::https) {
      detail::fail_call(error::from_errno(EPROTO, "follow a redirect of").with_detail("it leads from https to http"),
                        q->url());
    }
    if (to->scheme() == url_scheme::http_unix && q->url().scheme() != url_scheme::http_unix) {
      detail::fail_call(error::from_errno(EPROTO, "follow a redirect of").with_detail("it leads to a Unix socket"),
                        q->url());
    }
    co_await call->drop_body(most_dropped);
    client_request redirected = q->redirected(status, std::move(*to));
    body = nullptr;
    next = std::move(redirected);
    q = &*next;
  }
}

task<client_response> client::send(const client_request& q) { return follow(q, nullptr); }

task<client_response> client::send(const client_request& q, net::byte_source_ref body) {
  co_return co_await follow(q, &body);
}

task<client_response> client::get(std::string_view url) {
  const client_request q(url);
  co_return co_await follow(q, nullptr);
}

task<client_exchange> client::open(client_request q) {
  auto kept = std::make_unique<client_request>(std::move(q));
  const client_request& k = *kept;
  std::unique_ptr<h1_call> call = co_await prepare(
      k.url(), {.method = method_of(k.method()), .upgrade = !k.upgrade().empty()}, &k.on_interim(), false);
  append_head(*call, k, true);
  co_return client_exchange(std::move(call), std::move(kept));
}

}  // namespace wring::http
