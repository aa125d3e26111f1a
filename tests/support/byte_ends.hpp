// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/error.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/byte_source.hpp>

namespace wring::tests {

/// A source that is nothing else: gives bytes in pieces of some size, and takes its time.
class text_source {
 public:
  explicit text_source(std::string_view text, std::size_t piece = 7) : text_(text), piece_(piece) {}
  explicit text_source(std::span<const std::byte> bytes, std::size_t piece = 7)
      : text_source(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), piece) {}

  task<buffer_lease> read_some() {
    for (unsigned turns = ++reads_ % 4; turns != 0; --turns) co_await yield();
    const std::string_view next = text_.substr(0, piece_);
    text_.remove_prefix(next.size());
    co_return buffer_lease::copy_of(std::as_bytes(std::span(next)));
  }

 private:
  std::string_view text_;
  std::size_t piece_;
  unsigned reads_ = 0;
};

/// A sink that is nothing else: collects what it is given. So many bytes may wait for the source at its other end.
class text_sink {
 public:
  struct shared {
    std::string text;
    std::size_t capacity;
    bool ended = false;
    bool torn = false;
    event changed;
  };
  /// What has been written and not been read; empty once it has ended.
  class far_end {
   public:
    explicit far_end(std::shared_ptr<shared> s) noexcept : shared_(std::move(s)) {}

    task<buffer_lease> read_some() {
      while (shared_->text.empty() && !shared_->ended) {
        shared_->changed.reset();
        co_await shared_->changed.wait();
      }
      buffer_lease all = buffer_lease::copy_of(std::as_bytes(std::span(shared_->text)));
      shared_->text.clear();
      shared_->changed.set();
      co_return all;
    }

   private:
    std::shared_ptr<shared> shared_;
  };

  explicit text_sink(std::size_t capacity = 50'000) : shared_(std::make_shared<shared>()) {
    shared_->capacity = capacity;
  }

  task<> write_all(std::span<const std::byte> data) {
    if (shared_->ended) error(errc::closed, "write").raise();
    if (shared_->torn) error(errc::write_torn, "write").raise();
    std::string_view left(reinterpret_cast<const char*>(data.data()), data.size());
    const torn_guard guard{*shared_, left};
    co_await yield();
    while (!left.empty()) {
      const std::size_t count = std::min(left.size(), shared_->capacity - shared_->text.size());
      guard.begun |= count != 0;
      shared_->text += left.substr(0, count);
      left.remove_prefix(count);
      shared_->changed.set();
      if (left.empty()) break;
      shared_->changed.reset();
      co_await shared_->changed.wait();
    }
  }

  task<> shut_down_write() {
    co_await yield();
    shared_->ended = true;
    shared_->changed.set();
  }

  [[nodiscard]] far_end other_end() const { return far_end(shared_); }
  [[nodiscard]] const std::string& text() const noexcept { return shared_->text; }
  [[nodiscard]] bool ended() const noexcept { return shared_->ended; }

 private:
  struct torn_guard {
    shared& state;
    std::string_view& left;
    mutable bool begun = false;
    ~torn_guard() {
      if (begun && !left.empty()) state.torn = true;
    }
  };

  std::shared_ptr<shared> shared_;
};

static_assert(net::byte_source<text_source> && net::byte_source<text_sink::far_end>);
static_assert(net::byte_sink<text_sink> && !net::byte_source<text_sink> && !net::byte_sink<text_source>);

}  // namespace wring::tests
