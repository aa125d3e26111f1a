// SPDX-License-Identifier: MIT
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>
#include <wring/net/callback/detail/stream_transport.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

namespace detail {

stream_transport::stream_transport(stream_ref s, std::shared_ptr<protocol> p, wring::nursery& n,
                                   const protocol_options& options, connection_observer* observer) noexcept
    : stream_(s),
      unix_(s.target<unix_stream>()),
      protocol_(std::move(p)),
      half_(protocol_->half_closing()),
      receiver_(protocol_->receiving_descriptors()),
      nursery_(&n),
      options_(options),
      observer_(observer) {}

stream_transport::~stream_transport() = default;

wring::nursery& stream_transport::nursery() {
  if (protocol_ == nullptr) throw std::logic_error("the connection is lost: it has no nursery any more");
  return *nursery_;
}

namespace {

template <class Address>
socket_address address_of(stream_ref s, Address address) {
  if (const tcp_stream* const tcp = s.target<tcp_stream>(); tcp != nullptr) return address(*tcp);
  if (const unix_stream* const local = s.target<unix_stream>(); local != nullptr) return address(*local);
  return {};
}

}  // namespace

socket_address peer_address_of(stream_ref s) {
  const socket_address of_socket = address_of(s, [](const auto& socket) { return socket.peer_address(); });
  if (!of_socket.empty()) return of_socket;
  // What is around a socket, such as TLS or a proxy's header, knows its peer too.
  const error_address known = s.peer_address();
  if (known.ip_bytes().empty()) return {};
  const result<socket_address> address = socket_address::parse(known.to_string());
  return address ? *address : socket_address();
}

socket_address stream_transport::get_peer() const {
  if (options_.peer.empty() && nursery_ != nullptr) options_.peer = peer_address_of(stream_);
  return options_.peer;
}

socket_address stream_transport::get_host() const {
  if (options_.host.empty() && nursery_ != nullptr) {
    options_.host = address_of(stream_, [](const auto& s) { return s.local_address(); });
  }
  return options_.host;
}

// --- Why and how it ends ---

void stream_transport::callback_failed(const failure& thrown) noexcept {
  log::error("a callback of a connection failed", {"peer", stream_.peer_address().to_string()},
             {"error", thrown.message()});
  finish(thrown);
}

void stream_transport::finish(failure reason) noexcept {
  if (reason_) return;
  reason_ = std::move(reason);
  wake();
}

void stream_transport::finish(const error& fault) {
  if (!reason_) finish(failure(connection_lost_error(fault)));
}

void stream_transport::wake() noexcept {
  if (reading_ != nullptr && (!upgrade_begun_ || reason_)) reading_->cancel();
  changed_.set();
}

void stream_transport::failed(std::exception_ptr e) noexcept {
  const failure thrown(std::move(e));
  log::error("a task of a connection failed", {"peer", stream_.peer_address().to_string()},
             {"error", thrown.message()});
  finish(thrown);
}

void stream_transport::lose() noexcept {
  if (protocol_ == nullptr) return;
  disconnecting_ = false;
  held_.reset();
  passed_.clear();
  // Each of these may be the last to refer to the other.
  const std::shared_ptr<protocol> p = std::move(protocol_);
  if (producer* const stopped = std::exchange(producer_, nullptr); stopped != nullptr) {
    call([&] { stopped->stop_producing(); });
  }
  if (made_) call([&] { p->connection_lost(*reason_); });
  if (observer_ != nullptr) observer_->lost(*reason_);
}

// The last that is done, also if closing the stream has taken too long and was cancelled.
class stream_transport::ending {
 public:
  explicit ending(stream_transport& t) noexcept : transport_(t) {}
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;
  ~ending() {
    transport_.lose();
    transport_.out_.reset();
    transport_.upper_ = any_stream();
    transport_.nursery_ = nullptr;
  }

 private:
  stream_transport& transport_;
};

task<> stream_transport::end() {
  const ending at_the_end(*this);
  if (protocol_ == nullptr) co_return;
  if (!reason_) {
    reason_ = failure(connection_aborted(stream_.peer_address()));
    stream_.abort();
  }
  static_cast<void>(co_await stream_.close().result());
}

void stream_transport::lose_connection() {
  if (reason_ || disconnecting_) return;
  disconnecting_ = true;
  wake();
  watch_if_needed();
}

void stream_transport::abort_connection() {
  if (reason_) return;
  finish(failure(connection_aborted(stream_.peer_address())));
  stream_.abort();
}

void stream_transport::lose_write_connection() {
  if (reason_ || write_closing_) return;
  write_closing_ = true;
  watch_if_needed();
}

// --- Reading ---

// A read that can be interrupted, also while the task that waits in it unwinds.
class stream_transport::reading {
 public:
  explicit reading(stream_transport& t) noexcept : transport_(t) { t.reading_ = &scope_; }
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;
  ~reading() { transport_.reading_ = nullptr; }

 private:
  stream_transport& transport_;
  cancel_scope scope_;
};

task<> stream_transport::run() {
  out_.emplace(stream_, *nursery_, outbox_options{.limit = unlimited});
  call([this] { protocol_->make_connection(shared_from_this()); });
  made_ = &protocol_->transport() == this;  // it may have been given to another connection before
  if (observer_ != nullptr && !reason_) call([this] { observer_->made(); });
  while (!reason_) {
    if (upgrading_) {
      co_await change_stream();
    } else if (!reads()) {
      changed_.reset();
      co_await changed_.wait();
    } else if (held_) {
      received(std::move(held_));
    } else {
      const reading read(*this);
      auto got = co_await reading_->run(stream_.read_some()).result();
      if (!got) continue;  // something has changed
      if (result<buffer_lease>& chunk = *got; !chunk) {
        finish(chunk.error());
      } else if (chunk->empty()) {
        if (reads()) peer_ended();  // otherwise the next read finds it again, if there is one
      } else {
        received(std::move(*chunk));
      }
    }
  }
  static_cast<void>(co_await stream_.close().result());
  lose();
  nursery_->cancel();
}

void stream_transport::received(buffer_lease chunk) {
  if (unix_ != nullptr) take_descriptors();
  if (!reads()) {
    held_ = std::move(chunk);
    return;
  }
  call([&] { protocol_->data_received(chunk); });
}

// Those that nobody wants are closed, so that there is room for more.
void stream_transport::take_descriptors() {
  while (reads()) {
    descriptor fd = unix_->take_descriptor();
    if (fd.get() < 0) return;
    if (receiver_ != nullptr) call([&] { receiver_->descriptor_received(std::move(fd)); });
  }
}

void stream_transport::peer_ended() {
  if (reason_) return;
  read_ended_ = true;
  if (half_ != nullptr) call([this] { half_->read_connection_lost(); });
  if (half_ == nullptr || write_closed_) finish(failure(connection_done()));
  watch_if_needed();
}

void stream_transport::pause_producing() {
  if (reason_ || paused_) return;
  paused_ = true;
  wake();
  watch_if_needed();
}

void stream_transport::resume_producing() {
  if (reason_ || !paused_) return;
  paused_ = false;
  wake();
}

// --- Another stream below ---

void stream_transport::upgrade(upgrade_function how) {
  if (!how) throw std::invalid_argument("an upgrade needs a function that makes the stream");
  if (reason_) return;
  if (upgrading_) throw std::logic_error("the transport is being upgraded already");
  if (disconnecting_ || write_closing_ || read_ended_) {
    throw std::logic_error("a transport that is closing, in one direction or both, cannot be upgraded");
  }
  if (passed_.holds()) {
    throw std::logic_error(
        "a transport cannot be upgraded before the descriptors that it was given, and what follows them, are sent");
  }
  static_cast<void>(get_peer());  // the socket knows them, and may be out of sight then
  static_cast<void>(get_host());
  upgrade_ = std::move(how);
  upgrading_ = true;
  wake();
}

const stream_security* stream_transport::security() const noexcept {
  return nursery_ == nullptr ? nullptr : stream_.security();
}

task<> stream_transport::change_stream() {
  const auto sent = co_await out_->drained().result();
  while (watching_) {
    changed_.reset();
    co_await changed_.wait();
  }
  if (reason_) co_return;
  if (!sent) co_return finish(sent.error());
  if (held_) {
    const error ahead = error::from_errno(EPROTO, "upgrade the connection to").with_address(stream_.peer_address());
    co_return finish(ahead.with_detail("the peer has sent something before it was told to begin"));
  }
  out_.reset();
  try {
    co_await make_upper();
  } catch (const io_error& e) {
    finish(failure(connection_lost_error(e.details(), e.what())));
  } catch (...) {
    finish(failure::current());
  }
}

task<> stream_transport::make_upper() {
  upgrade_begun_ = true;
  const reading handshake(*this);
  auto make = [this] { return upgrade_(stream_); };
  std::optional<any_stream> made = co_await reading_->run(make);
  upgrade_begun_ = false;
  if (!made) co_return;
  upper_ = std::move(*made);
  stream_ = stream_ref(upper_);
  unix_ = stream_.target<unix_stream>();
  upgrade_ = nullptr;
  upgrading_ = false;
  if (reason_) co_return;
  out_.emplace(stream_, *nursery_, outbox_options{.limit = unlimited});
  if (!after_.empty() && !out_->post(std::exchange(after_, {}))) co_return finish(out_->fault().value());
  call([this] { protocol_->handshake_completed(); });
  sending_goes_on();
}

task<> run_connection(stream_ref s, std::shared_ptr<protocol> p, protocol_options options,
                      connection_observer* observer) {
  if (p == nullptr) throw std::invalid_argument("run_protocol needs a protocol");
  nursery n;
  const auto t = std::make_shared<stream_transport>(s, std::move(p), n, options, observer);
  auto read = [&] { return t->run(); };
  auto connection = [&]() -> task<> {
    try {
      co_await n.run(std::ref(read));
    } catch (...) {
      t->failed(std::current_exception());
    }
  };
  auto end = [&] { return t->end(); };
  co_await finally(connection, end);
}

}  // namespace detail

task<> run_protocol(stream_ref stream, std::shared_ptr<protocol> p, protocol_options options) {
  return detail::run_connection(stream, std::move(p), options, nullptr);
}

}  // namespace wring::net
