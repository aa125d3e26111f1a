// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>

#include <wring/core/callback/failure.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/framing/callback/file_sender.hpp>

namespace wring::framing {

file_transfer_stopped::file_transfer_stopped()
    : std::runtime_error("the file was not sent to its end: its consumer takes nothing more") {}
file_transfer_stopped::~file_transfer_stopped() = default;

/// One file on its way. It keeps itself as long as the consumer may call it.
class file_sender::transfer final : public net::producer, public std::enable_shared_from_this<transfer> {
 public:
  transfer(net::file f, net::consumer& to, std::shared_ptr<const transform_function> transform)
      : file_(std::move(f)), to_(&to), transform_(std::move(transform)), offset_(file_.position()) {}
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;
  ~transfer() override = default;

  deferred<std::optional<std::byte>> begin() {
    deferred<std::optional<std::byte>> sent = source_.get();
    kept_ = shared_from_this();
    try {
      to_->register_producer(*this, net::production::pull);
    } catch (...) {
      to_ = nullptr;
      kept_.reset();
      throw;
    }
    return sent;
  }

  void resume_producing() override {
    if (reading_ || to_ == nullptr) return;
    scheduler::current().root().start(send_piece, shared_from_this());
    reading_ = true;
  }

  void stop_producing() override {
    const std::shared_ptr<transfer> self = std::move(kept_);
    to_ = nullptr;
    if (!source_.called()) source_.errback(failure(file_transfer_stopped()));
  }

 private:
  static task<> send_piece(std::shared_ptr<transfer> self) {
    std::vector<std::byte> buffer(piece);
    try {
      const auto count = co_await self->file_.read_at(self->offset_, buffer).result();
      self->reading_ = false;
      if (self->to_ == nullptr) co_return;
      self->offset_ += count.value();
      self->pass_on(std::span(buffer).first(*count));
    } catch (...) {
      const failure why = failure::current();
      self->end();
      if (!self->source_.called()) self->source_.errback(why);
    }
  }

  void pass_on(std::span<const std::byte> bytes) {
    if (bytes.empty()) {
      end();
      if (!source_.called()) source_.callback(last_);
    } else if (*transform_) {
      write((*transform_)(bytes));
    } else {
      write(bytes);
    }
  }

  void write(std::span<const std::byte> bytes) {
    if (bytes.empty()) return resume_producing();  // the consumer would not ask again
    last_ = bytes.back();
    to_->write(bytes);
  }

  /// The consumer is to ask for nothing more.
  void end() {
    kept_.reset();
    if (net::consumer* const to = std::exchange(to_, nullptr); to != nullptr) to->unregister_producer();
  }

  net::file file_;
  net::consumer* to_;  // null when it has ended
  std::shared_ptr<const transform_function> transform_;
  std::uint64_t offset_;
  std::optional<std::byte> last_;
  std::shared_ptr<transfer> kept_;
  bool reading_ = false;
  deferred_source<std::optional<std::byte>> source_{[this] {
    const std::shared_ptr<transfer> self = shared_from_this();
    end();
  }};
};

file_sender::file_sender(transform_function transform)
    : transform_(std::make_shared<const transform_function>(std::move(transform))) {}
file_sender::~file_sender() = default;

deferred<std::optional<std::byte>> file_sender::begin_file_transfer(net::file f, net::consumer& to) {
  return std::make_shared<transfer>(std::move(f), to, transform_)->begin();
}

}  // namespace wring::framing
