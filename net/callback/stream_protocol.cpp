// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/callback/stream_protocol.hpp>

namespace wring::net {

namespace {

constexpr std::size_t most_received =
    std::size_t{64} * 1024;                                   // what has arrived and was not read, before reading stops
constexpr std::size_t largest_part = std::size_t{64} * 1024;  // what is given to the transport at once

constexpr const char* reading = "read from";
constexpr const char* writing = "write to";

/// One task reads at a time.
class busy_guard {
 public:
  busy_guard(bool& flag, const error& otherwise) : flag_(flag) {
    if (flag) otherwise.raise();
    flag = true;
  }
  busy_guard(const busy_guard&) = delete;
  busy_guard& operator=(const busy_guard&) = delete;
  ~busy_guard() { flag_ = false; }

 private:
  bool& flag_;
};

/// Notes a write that ends half way.
class tear_guard {
 public:
  tear_guard(std::size_t& torn, std::size_t total) noexcept : torn_(torn), total_(total) {}
  tear_guard(const tear_guard&) = delete;
  tear_guard& operator=(const tear_guard&) = delete;
  ~tear_guard() {
    if (written != 0 && written != total_) torn_ = written;
  }

  std::size_t written = 0;

 private:
  std::size_t& torn_;
  std::size_t total_;
};

}  // namespace

// --- What the transport says ---

stream_protocol::~stream_protocol() = default;

void stream_protocol::connection_made() {
  peer_ = transport().get_peer();
  transport().register_producer(writer_, production::push);
}

void stream_protocol::data_received(std::span<const std::byte> data) {
  if (closed_) return;
  received_.push_back(buffer_lease::copy_of(data));
  held_ += data.size();
  if (held_ >= most_received) transport().pause_producing();
  arrived_.set();
}

void stream_protocol::read_connection_lost() {
  read_ended_ = true;
  arrived_.set();
}

void stream_protocol::connection_lost(const failure& reason) {
  lost_ = true;
  read_ended_ = true;
  if (!reason.check<connection_done>()) {
    const auto* const known = reason.get_if<connection_lost_error>();
    fault_ = known != nullptr ? known->details() : error::from_errno(ECONNABORTED, reading).with_address(peer_);
  }
  arrived_.set();
  writable_.set();
}

void stream_protocol::writer::resume_producing() {
  protocol_.held_back_ = false;
  protocol_.writable_.set();
}

// --- What the stream does ---

error stream_protocol::fault(errc code, const char* operation) const noexcept {
  return error(code, operation).with_address(peer_);
}

task<> stream_protocol::wait_for_bytes() {
  while (received_.empty() && !read_ended_ && !closed_) {
    arrived_.reset();
    co_await arrived_.wait();
  }
  if (closed_) fault(errc::closed, reading).raise();
  if (received_.empty() && fault_) fault_->raise();
}

buffer_lease stream_protocol::take() {
  if (received_.empty()) return {};
  buffer_lease chunk = std::move(received_.front());
  received_.pop_front();
  took(chunk.size());
  return chunk;
}

void stream_protocol::took(std::size_t count) {
  const std::size_t before = std::exchange(held_, held_ - count);
  if (before >= most_received && held_ < most_received) transport().resume_producing();
}

void stream_protocol::check_writable() const {
  if (closed_ || shut_) fault(errc::closed, writing).raise();
  if (torn_ != 0) fault(errc::write_torn, writing).with_count(torn_).raise();
  if (fault_) fault_->raise();
  if (lost_) error::from_errno(EPIPE, writing).with_address(peer_).raise();
}

task<> stream_protocol::write(std::span<const std::span<const std::byte>> parts) {
  const mutex::guard turn = co_await writing_.lock();
  check_writable();
  std::size_t total = 0;
  for (const auto part : parts) total += part.size();
  tear_guard whole(torn_, total);
  for (const auto part : parts) co_await write_part(part, whole.written);
}

task<> stream_protocol::write_part(std::span<const std::byte> part, std::size_t& written) {
  while (!part.empty()) {
    while (held_back_ && !closed_ && !lost_) {
      writable_.reset();
      co_await writable_.wait();
    }
    check_writable();
    const auto next = part.first(std::min(part.size(), largest_part));
    transport().write(next);
    written += next.size();
    part = part.subspan(next.size());
  }
}

task<> stream_protocol::shut_down() {
  const mutex::guard turn = co_await writing_.lock();
  if (shut_) co_return;
  check_writable();
  shut_ = true;
  transport().unregister_producer();
  transport().lose_write_connection();
}

void stream_protocol::end(bool at_once) noexcept {
  closed_ = true;
  received_.clear();
  arrived_.set();
  writable_.set();
  if (lost_) return;
  if (!shut_) transport().unregister_producer();
  at_once ? transport().abort_connection() : transport().lose_connection();
}

// --- The stream ---

transport_stream::transport_stream(std::shared_ptr<stream_protocol> p) {
  if (p == nullptr || !p->connected()) throw std::logic_error("a transport_stream needs a protocol that is connected");
  if (std::exchange(p->used_, true)) throw std::logic_error("there is a transport_stream of this protocol already");
  protocol_ = std::move(p);
}

transport_stream::~transport_stream() {
  if (protocol_ != nullptr && !protocol_->closed_) protocol_->end(false);
}

stream_protocol& transport_stream::open(const char* operation) const {
  if (protocol_ == nullptr) error(errc::closed, operation).raise();
  return *protocol_;
}

task<buffer_lease> transport_stream::read_some() {
  stream_protocol& p = open(reading);
  const busy_guard alone(p.reading_, p.fault(errc::busy, reading));
  co_await p.wait_for_bytes();
  co_return p.take();
}

task<std::size_t> transport_stream::read(std::span<std::byte> into) {
  if (into.empty()) co_return 0U;
  stream_protocol& p = open(reading);
  const busy_guard alone(p.reading_, p.fault(errc::busy, reading));
  co_await p.wait_for_bytes();
  if (p.received_.empty()) co_return 0U;
  const std::size_t count = std::min(into.size(), p.received_.front().size());
  std::copy_n(p.received_.front().begin(), count, into.begin());
  if (count == p.received_.front().size()) {
    static_cast<void>(p.take());
  } else {
    p.received_.front().consume(count);
    p.took(count);
  }
  co_return count;
}

task<> transport_stream::write_all(std::span<const std::byte> bytes) {
  const std::array parts{bytes};
  co_await open(writing).write(parts);
}

task<> transport_stream::write_all(std::span<const std::span<const std::byte>> parts) {
  stream_protocol& p = open(writing);
  co_await p.write(parts);
}

task<> transport_stream::shut_down_write() {
  stream_protocol& p = open(writing);
  co_await p.shut_down();
}

task<> transport_stream::close() {
  if (protocol_ != nullptr && !protocol_->closed_) protocol_->end(false);
  co_return;
}

void transport_stream::abort() noexcept {
  if (protocol_ != nullptr && !protocol_->closed_) protocol_->end(true);
}

const stream_security* transport_stream::security() const noexcept {
  return protocol_ == nullptr ? nullptr : protocol_->transport().security();
}

error_address transport_stream::peer_address() const noexcept {
  return protocol_ == nullptr ? error_address() : protocol_->peer_;
}

// --- Its factory ---

namespace {

using handler_function = stream_factory::handler_function;

task<> handle(std::shared_ptr<stream_protocol> p, std::shared_ptr<const handler_function> handler) {
  transport_stream s(std::move(p));
  const error_address peer = s.peer_address();
  try {
    co_await (*handler)(s);
  } catch (...) {
    log::error("the handler of a connection failed", {"peer", peer.to_string()},
               {"error", failure::current().message()});
    s.abort();
  }
}

class handled final : public stream_protocol, public std::enable_shared_from_this<handled> {
 public:
  explicit handled(std::shared_ptr<const handler_function> handler) noexcept : handler_(std::move(handler)) {}
  void connection_made() override {
    stream_protocol::connection_made();
    scheduler::current().root().start(handle, shared_from_this(), handler_);
  }

 private:
  std::shared_ptr<const handler_function> handler_;
};

}  // namespace

stream_factory::stream_factory(handler_function handler)
    : handler_(std::make_shared<const handler_function>(std::move(handler))) {
  if (!*handler_) throw std::invalid_argument("a stream_factory needs a function that handles connections");
}
stream_factory::~stream_factory() = default;

std::shared_ptr<protocol> stream_factory::build_protocol(const socket_address& peer) {
  static_cast<void>(peer);
  return std::make_shared<handled>(handler_);
}

}  // namespace wring::net
