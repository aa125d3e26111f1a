// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/net/callback/detail/stream_transport.hpp>

namespace wring::net::detail {

std::size_t stream_transport::unsent() const noexcept {
  return reason_ ? 0 : (out_ ? out_->unsent() : 0) + passed_.bytes() + after_.size();
}

void stream_transport::write(std::span<const std::byte> data) {
  if (reason_ || write_shut_ || (!out_ && !upgrading_)) return;
  const std::size_t limit = options_.transport.write_limit;
  const std::size_t waiting = unsent();
  if (waiting > limit || data.size() > limit - waiting) {
    const write_buffer_overflow overflow(stream_.peer_address(), limit);
    log::warn("a connection is aborted: its peer reads too slowly", {"peer", stream_.peer_address().to_string()},
              {"limit", limit});
    finish(failure(overflow));
    stream_.abort();
    return;
  }
  if (upgrading_) {
    after_.insert(after_.end(), data.begin(), data.end());
  } else if (passed_.holds()) {
    passed_.add(data);
    pass_if_ready();
  } else if (!out_->post(data)) {
    return finish(out_->fault().value());
  }
  if (producer_ != nullptr && !producer_waits_) {
    const bool pulled = production_ == production::pull;
    producer_waits_ = pulled || unsent() > pause_above;
    if (producer_waits_ && !pulled) producer_->pause_producing();
  }
  watch_if_needed();
}

void stream_transport::send_descriptor(descriptor fd) {
  if (fd.get() < 0) throw std::invalid_argument("send_descriptor needs a descriptor that is open");
  if (unix_ == nullptr) return transport::send_descriptor(std::move(fd));
  if (reason_ || write_shut_ || (!out_ && !upgrading_)) return;
  if (upgrading_) throw std::logic_error("a transport that is being upgraded cannot pass descriptors");
  if (passed_.descriptors() >= most_descriptors) {
    error(errc::limit_exceeded, "pass a descriptor to")
        .with_address(stream_.peer_address())
        .with_count(most_descriptors)
        .with_detail("so many wait to be sent: each needs a byte that is written after it, and a peer that reads")
        .raise();
  }
  passed_.add(std::move(fd));
}

void stream_transport::pass_if_ready() {
  if (passing_ || !passed_.ready()) return;
  nursery_->start([](stream_transport* t) { return t->pass_descriptors(); }, this);
  passing_ = true;
}

task<> stream_transport::pass_descriptors() {
  const auto sent = co_await passed_.send(*unix_).result();
  passing_ = false;
  if (reason_) co_return;
  if (!sent) co_return finish(sent.error());
  pass_if_ready();  // what has come since it had sent everything
  sending_goes_on();
}

// What was written has been sent in another way than by the outbox: nothing else would tell a producer.
void stream_transport::sending_goes_on() {
  if (producer_ != nullptr && unsent() == 0 && std::exchange(producer_waits_, false)) {
    call([this] { producer_->resume_producing(); });
  }
  watch_if_needed();
}

void stream_transport::register_producer(producer& p, production how) {
  if (producer_ != nullptr)
    throw std::logic_error("a transport has one producer at a time: unregister the other first");
  if (reason_) return p.stop_producing();
  producer_ = &p;
  production_ = how;
  producer_waits_ = how == production::pull && unsent() != 0;
  if (how == production::pull) p.resume_producing();
  watch_if_needed();
}

void stream_transport::unregister_producer() {
  producer_ = nullptr;
  watch_if_needed();
}

void stream_transport::watch_if_needed() {
  if (watching_ || reason_ || !out_ || upgrading_ || passing_) return;
  const bool unsent = out_->unsent() != 0;
  const bool closing = producer_ == nullptr && (disconnecting_ || (write_closing_ && !write_shut_));
  const bool awaited = producer_ != nullptr && producer_waits_;
  // Where nothing is read, a fault of what is sent would not be noticed otherwise.
  if (!closing && !(unsent && (awaited || !reads()))) return;
  nursery_->start([](stream_transport* t) { return t->watch_sending(); }, this);
  watching_ = true;
}

task<> stream_transport::watch_sending() {
  while (!reason_) {
    const auto sent = co_await out_->drained().result();
    if (reason_ || upgrading_ || passing_) break;
    if (!sent) {
      finish(sent.error());
    } else if (producer_ != nullptr) {
      if (!std::exchange(producer_waits_, false)) break;
      call([this] { producer_->resume_producing(); });
    } else if (disconnecting_) {
      finish(failure(connection_done()));
    } else if (write_closing_ && !write_shut_) {
      write_shut_ = true;  // what is written meanwhile would be sent after it
      const auto shut = co_await stream_.shut_down_write().result();
      if (!shut) {
        finish(shut.error());
      } else {
        write_ended();
      }
    } else {
      break;
    }
  }
  watching_ = false;
  if (upgrading_) changed_.set();
}

void stream_transport::write_ended() {
  write_closed_ = true;
  if (reason_) return;
  if (half_ != nullptr) call([this] { half_->write_connection_lost(); });
  if (read_ended_) finish(failure(connection_done()));
}

}  // namespace wring::net::detail
