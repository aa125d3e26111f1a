// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/send_file.hpp>
#include <wring/protocols/http/detail/connection.hpp>

namespace wring::http::detail {

namespace {

constexpr std::size_t most_sent_at_once = std::size_t{64} * 1024;
/// The same of a file, to a client that takes them quickly.
constexpr std::size_t most_of_file = std::size_t{1} << 20;
constexpr duration quickly = std::chrono::seconds(1);

/// Nothing can follow what was sent in part, or was lost unsent with its buffer.
class sending {
 public:
  explicit sending(connection& c) noexcept : connection_(c) {}
  sending(const sending&) = delete;
  sending& operator=(const sending&) = delete;
  ~sending() {
    if (!ended_) connection_.lost();
  }
  void ended() noexcept { ended_ = true; }

 private:
  connection& connection_;
  bool ended_ = false;
};

}  // namespace

bool connection::watch(cancel_scope* scope) noexcept {
  handler_scope_ = scope;
  return stream.watch(this);
}

void connection::stop_watching() noexcept {
  if (upgraded != nullptr) upgraded->leave();
  stream.watch(nullptr);
  handler_scope_ = nullptr;
  end_half_close_grace();
}

bool connection::follow(net::stream_observer* observer) noexcept {
  follower_ = observer;
  if (observer == nullptr) return false;
  if (!in.empty()) observer->arrived();
  // Anew, so that what has been told already is told to this one, too.
  stream.watch(nullptr);
  const bool tells = stream.watch(this);
  if (!tells) follower_ = nullptr;
  return tells;
}

struct connection::reading {
  explicit reading(connection& c) noexcept : connection_(c) { connection_.reading_ = this; }
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;
  ~reading() {
    connection_.reading_ = nullptr;
    ended.set();
  }

  cancel_scope scope;
  event ended;

 private:
  connection& connection_;
};

task<> connection::watch_by_reading() {
  if (!in.empty()) co_return;
  reading here(*this);
  auto got = co_await here.scope.run(stream.read_some()).result();
  if (!got) co_return;  // stop_reading
  if (!*got) {
    lost();
  } else if ((*got)->empty()) {
    ended(nullptr);
  } else {
    in.refill(std::move(**got));
  }
}

task<> connection::stop_reading() {
  if (reading_ == nullptr) co_return;
  reading_->scope.cancel();
  co_await reading_->ended.wait();
}

task<connection::fill> connection::read_until(steady_clock::time_point deadline) {
  in.refill(stream.try_read_some());
  if (!in.empty()) co_return fill::some;
  if (!out.empty()) {
    const bool sent = co_await flush();
    if (!sent) co_return fill::ended;
  }
  auto got = co_await with_deadline(deadline, stream.read_some()).result();
  if (!got) {
    if (got.error() == errc::timed_out) co_return fill::overdue;
    lost();
    co_return fill::ended;
  }
  in.refill(std::move(*got));
  co_return in.empty() ? fill::ended : fill::some;
}

duration connection::patience(std::size_t bytes) const noexcept {
  const auto& limits = server.limits;
  duration limit = limits.output_progress;
  if (limits.min_rate != 0) limit += std::chrono::seconds(bytes / limits.min_rate);
  return limit;
}

bool connection::flush_at_once() noexcept {
  if (gone || sched.batching_sends()) return false;
  const std::array<std::span<const std::byte>, 1> text{out.bytes()};
  out.sent(stream.try_write(text));
  return out.empty();
}

task<bool> connection::flush() {
  if (gone) {
    out.clear();
    co_return false;
  }
  sending here(*this);
  const buffer_lease text = out.take();
  const std::span<const std::byte> all(text.data(), text.size());
  if (all.size() > most_sent_at_once) {
    const bool sent = co_await send_all(all);
    if (sent) here.ended();
    co_return sent;
  }
  const auto sent = co_await with_timeout(patience(all.size()), stream.write_all(all)).result();
  if (sent) here.ended();
  if (!sent && sent.error() == errc::timed_out) server.met(met_limit::output_progress);
  co_return sent.has_value();
}

task<bool> connection::send(std::span<const std::span<const std::byte>> parts) {
  if (gone) {
    out.clear();
    co_return false;
  }
  std::size_t total = out.size();
  for (const auto& part : parts) total += part.size();
  if (total <= worth_joining) {
    out.append(parts, total - out.size());
    const bool sent = co_await flush();
    co_return sent;
  }
  sending here(*this);
  const buffer_lease first = out.take();
  if (parts.size() < 4 && total <= most_sent_at_once) {
    std::array<std::span<const std::byte>, 4> all;
    all[0] = {first.data(), first.size()};
    std::ranges::copy(parts, all.begin() + 1);
    const std::span<const std::span<const std::byte>> pieces(all.data(), parts.size() + 1);
    const auto sent = co_await with_timeout(patience(total), stream.write_all(pieces)).result();
    if (sent) here.ended();
    if (!sent && sent.error() == errc::timed_out) server.met(met_limit::output_progress);
    co_return sent.has_value();
  }
  const bool sent = co_await send_all({first.data(), first.size()});
  if (!sent) co_return false;
  for (const auto& part : parts) {
    const bool went = co_await send_all(part);
    if (!went) co_return false;
  }
  here.ended();
  co_return true;
}

task<bool> connection::send_all(std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto piece = data.first(std::min(data.size(), most_sent_at_once));
    const auto sent = co_await with_timeout(patience(piece.size()), stream.write_all(piece)).result();
    if (!sent) {
      if (sent.error() == errc::timed_out) server.met(met_limit::output_progress);
      co_return false;
    }
    data = data.subspan(piece.size());
  }
  co_return true;
}

task<bool> connection::send_file(net::file& from, std::uint64_t offset, std::uint64_t count) {
  if (gone) {
    out.clear();
    co_return false;
  }
  sending here(*this);
  buffer_lease head = out.take();
  std::size_t most = most_sent_at_once;
  while (head || count != 0) {
    const auto at_once = net::try_send_file(stream, from, {.offset = offset, .count = count}, head);
    if (!at_once) {
      file_not_sent(from, at_once.error());
      co_return false;
    }
    const std::size_t of_head = std::min<std::uint64_t>(at_once.value(), head.size());
    head.consume(of_head);
    offset += at_once.value() - of_head;
    count -= at_once.value() - of_head;
    if (head) {
      const bool sent = co_await send_all(head);
      if (!sent) co_return false;
      head.reset();
    } else if (count != 0) {
      if (at_once.value() >= most_sent_at_once) co_await yield();  // others have their turn
      const std::uint64_t piece = std::min<std::uint64_t>(count, most);
      const auto begun = steady_clock::now();
      const auto sent = co_await with_timeout(patience(most_sent_at_once),
                                              net::send_file(stream, from, {.offset = offset, .count = piece}))
                            .result();
      if (!sent) {
        file_not_sent(from, sent.error());
        co_return false;
      }
      offset += piece;
      count -= piece;
      // Few pieces cost less, and a client that stops is noticed after the time of a small one.
      most = steady_clock::now() - begun < quickly ? std::min(2 * most, most_of_file) : most_sent_at_once;
    }
  }
  here.ended();
  co_return true;
}

void connection::file_not_sent(const net::file& from, const error& why) {
  if (why == errc::timed_out) server.met(met_limit::output_progress);
  if (why == errc::unexpected_eof) {
    log::error("a file has become shorter while it was sent", {"path", from.path()});
  }
}

void connection::lost() noexcept {
  gone = true;
  if (handler_scope_ != nullptr) handler_scope_->cancel();
}

void connection::arrived() noexcept {
  if (follower_ != nullptr) follower_->arrived();
}

void connection::ended(const error* fault) noexcept {
  if (follower_ != nullptr) follower_->ended(fault);
  if (fault != nullptr) {
    lost();
    return;
  }
  if (server.limits.half_close_grace == forever || handler_scope_ == nullptr || upgraded != nullptr) return;
  try {
    grace_ = call_later(server.limits.half_close_grace, [this] { grace_over(); });
  } catch (...) {
    lost();  // no memory for the call
  }
}

void connection::grace_over() noexcept {
  // A client that has sent more requests and then its end waits for all the answers.
  if (handler_scope_ != nullptr && in.empty() && stream.received_ahead() == 0) lost();
}

}  // namespace wring::http::detail
