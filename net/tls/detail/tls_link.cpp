// SPDX-License-Identifier: MIT
#include <chrono>
#include <utility>
#include <vector>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/offload.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tls/detail/client_sessions.hpp>
#include <wring/net/tls/detail/context_state.hpp>
#include <wring/net/tls/detail/tls_link.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr const char* in_handshake = "do a TLS handshake with";
constexpr duration close_timeout = std::chrono::seconds(2);
constexpr std::size_t largest_record = std::size_t{16} * 1024;
/// Of a whole handshake: a chain of certificates is the most of it.
constexpr std::size_t most_handshake_bytes = std::size_t{128} * 1024;
constexpr std::size_t record_head = 5;

using part = std::span<const std::byte>;

}  // namespace

/// Ends the stream below if its close has been cancelled.
class tls_link::cut_off {
 public:
  explicit cut_off(stream_ref lower) noexcept : lower_(lower) {}
  cut_off(const cut_off&) = delete;
  cut_off& operator=(const cut_off&) = delete;
  ~cut_off() {
    if (!done_) lower_.abort();
  }
  void done() noexcept { done_ = true; }

 private:
  stream_ref lower_;
  bool done_ = false;
};

tls_link::~tls_link() {
  const bool writes = sending_.locked() && !posting_;
  if (reading_ || writes) [[unlikely]]
    wring::detail::destroyed_in_use("a TLS stream");
  if (observed_) lower_.watch(nullptr);
  keep_sessions();
  if (queued()) withdraw();
  say_at_once();
}

error tls_link::named(const error& e) const noexcept { return e.with_address(peer_address()); }
error tls_link::about(errc code, const char* operation) const noexcept { return named(error(code, operation)); }

task<> tls_link::receive_first_record() {
  std::vector<std::byte> head;
  for (;;) {
    buffer_lease chunk = engine_.has_input() ? engine_.take_input() : buffer_lease();
    if (chunk.empty()) chunk = co_await lower_.read_some();
    if (chunk.empty()) about(errc::unexpected_eof, in_handshake).with_count(head.size()).raise();
    const bool is_first = head.empty();
    part all = chunk;
    if (!is_first) {
      head.insert(head.end(), chunk.begin(), chunk.end());
      all = head;
    }
    // A record of the handshake (22), of any version 3.x.
    if (all[0] != std::byte{22} || (all.size() > 1 && all[1] != std::byte{3})) {
      about(errc::tls_failed, in_handshake).with_detail("it does not speak TLS").raise();
    }
    if (all.size() >= record_head) {
      const std::size_t length = std::to_integer<std::size_t>(all[3]) << 8 | std::to_integer<std::size_t>(all[4]);
      if (length > largest_record) about(errc::tls_failed, in_handshake).with_detail("it does not speak TLS").raise();
      if (all.size() >= record_head + length) {
        engine_.feed(is_first ? std::move(chunk) : buffer_lease::copy_of(head));
        co_return;
      }
    }
    if (is_first) head.assign(chunk.begin(), chunk.end());
  }
}

void tls_link::check_open() const {
  if (closed_) about(errc::closed, in_handshake).raise();
}

task<> tls_link::handshake(bool slow, handshake_pace::step first) {
  std::size_t received = 0;
  for (;;) {
    tls_step step = tls_step::failed;
    if (slow) {
      first.done();
      auto compute = [&] { return engine_.handshake(); };
      step = co_await offload(thread_pool::crypto(), compute);
    } else if (first) {
      step = engine_.handshake();
      first.done();
    } else {
      const handshake_pace::step now = co_await scheduler::current().service<handshake_pace>().next();
      check_open();
      step = engine_.handshake();
    }
    engine_.release_input();
    waits_for_peer_ = true;  // who takes nothing holds up writing
    // Tickets go out with the first answer, or before the first wait: nobody waits for them, a client that sends a
    // request and closes does not even take them.
    if (engine_.has_output() && (step != tls_step::done || !engine_.has_offered_tickets())) {
      const buffer_lease out = engine_.take_output();
      const auto sent = co_await lower_.write_all(part(out.data(), out.size())).result();
      if (!sent && step != tls_step::failed) sent.error().raise();
    }
    if (step == tls_step::failed) named(engine_.fault()).raise();
    if (step == tls_step::done) break;
    buffer_lease more = co_await lower_.read_some();
    waits_for_peer_ = false;
    if (more.empty()) about(errc::unexpected_eof, in_handshake).with_count(received).raise();
    received += more.size();
    if (received > most_handshake_bytes) {
      about(errc::limit_exceeded, in_handshake).with_count(most_handshake_bytes).raise();
    }
    engine_.feed(std::move(more));
  }
  security_ = engine_.security();
  established_ = true;
  keep_sessions();
}

void tls_link::resume_session(const std::shared_ptr<const client_state>& context, std::string server) {
  server_ = std::make_unique<const remembered_server>(remembered_server{context, std::move(server)});
  const auto session = scheduler::current().service<client_sessions>().take(*context, server_->name);
  if (session != nullptr) engine_.resume(*session);
}

void tls_link::forget_sessions() noexcept {
  if (server_ == nullptr) return;
  scheduler::current().service<client_sessions>().forget(*server_->context, server_->name);
}

void tls_link::keep_sessions() noexcept {
  // Where the scheduler has ended before its last stream there is none.
  scheduler* const s = scheduler::try_current();
  if (server_ == nullptr || s == nullptr || !engine_.has_sessions()) return;
  client_sessions* const all = s->try_service<client_sessions>();
  if (all != nullptr) all->keep(server_->context, server_->name, engine_.take_sessions());
}

task<> tls_link::close() {
  if (closed_) co_return;
  cut_off unless_closed(lower_);
  const bool writer_waits = sending_.locked() && !posting_;
  if (!writer_waits && !write_failed_ && (!shut_ || engine_.has_output())) {
    auto farewell = [&] { return say_goodbye(); };
    const auto said = co_await move_on_after(close_timeout, farewell).result();
    if (said && !*said) {
      closed_ = true;
      co_return;  // and the stream below is aborted
    }
  }
  closed_ = true;
  observer_ = nullptr;
  ahead_.clear();
  unless_closed.done();
  co_await lower_.close();
}

task<buffer_lease> tls_link::end_tls(any_stream& below) {
  constexpr const char* ending = "end TLS with";
  if (reading_) about(errc::busy, ending).raise();
  if (!shut_) co_await say_goodbye();
  if (closed_ || write_failed_ || !shut_) write_obstacle()->raise();
  observer_ = nullptr;
  for (;;) {
    auto next = take();
    if (next) {
      buffer_lease bytes = next->take();
      if (bytes.empty()) break;
      give_back(std::move(bytes));
      about(errc::tls_failed, ending).with_detail("there are bytes that were sent before, and not read").raise();
    }
    buffer_lease received = co_await lower_.read_some();
    if (received.empty()) {
      truncated_ = true;
    } else {
      engine_.feed(std::move(received));
    }
  }
  if (std::exchange(observed_, false)) lower_.watch(nullptr);
  closed_ = true;
  any_stream last = std::move(lower_);  // nothing is below from here on
  if (last) below = std::move(last);
  co_return engine_.take_input();
}

void tls_link::abort() noexcept {
  closed_ = true;
  observer_ = nullptr;
  ahead_.clear();
  lower_.abort();
}

}  // namespace wring::net::tls::detail
