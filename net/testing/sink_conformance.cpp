// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>
#include <wring/net/testing/sink_conformance.hpp>

namespace wring::net::detail {

namespace {

/// One rule, checked on a fresh sink. Throws with what was seen.
struct sink_rule {
  std::string_view name;
  task<> (*check)(owned_sink& under_test);
};

task<> write_pattern(byte_sink_ref to, std::size_t position, std::size_t count, std::size_t piece) {
  while (count != 0) {
    const auto next = pattern(position, std::min(piece, count));
    co_await to.write_all(next);
    position += next.size();
    count -= next.size();
  }
}

/// Reads so many bytes of the pattern, and then the end.
task<> expect_all(byte_source_ref from, std::size_t count) {
  std::size_t position = 0;
  for (;;) {
    const buffer_lease chunk = co_await from.read_some();
    if (chunk.empty()) break;
    expect_pattern(std::span<const std::byte>(chunk), position);
    position += chunk.size();
  }
  if (position != count) {
    throw testing::check_failed(fmt::format("{} bytes arrived before the end, but {} were written", position, count));
  }
}

task<> in_order(owned_sink& made) {
  constexpr std::array<std::size_t, 5> pieces{1, 7, 1000, 16'384, 65'000};
  constexpr std::array<std::size_t, 5> counts{50, 700, 20'000, 100'000, 200'000};
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(expect_all, made.far, std::size_t{320'750});
    std::size_t position = 0;
    for (std::size_t i = 0; i != pieces.size(); ++i) {
      co_await made.sink.write_all(std::span<const std::byte>());
      co_await write_pattern(made.sink, position, counts[i], pieces[i]);
      position += counts[i];
    }
    co_await made.sink.shut_down_write();
  });
}

task<> the_end(owned_sink& made) {
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(expect_all, made.far, std::size_t{10});
    co_await write_pattern(made.sink, 0, 10, 10);
    co_await made.sink.shut_down_write();
    co_await made.sink.shut_down_write();
    const auto late = co_await made.sink.write_all("late").result();
    expect(!late, "a write after shut_down_write succeeded");
  });
}

task<> empty(owned_sink& made) {
  co_await made.sink.shut_down_write();
  co_await expect_all(made.far, 0);
}

task<> cancelled_before(owned_sink& made) {
  cancel_scope scope;
  scope.cancel();
  const bool written = co_await scope.run(made.sink.write_all("never"));
  expect(!written, "a write in a cancelled scope ran");
  const bool shut = co_await scope.run(made.sink.shut_down_write());
  expect(!shut, "a shut_down_write in a cancelled scope ran");
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(expect_all, made.far, std::size_t{10});
    co_await write_pattern(made.sink, 0, 10, 10);
    co_await made.sink.shut_down_write();
  });
}

/// Writes that are cancelled at about the time they are done: what is reported as written has been, the rest not.
task<> cancelled_writes(owned_sink& made) {
  std::string expected;
  std::string received;
  std::size_t arrived = 0;
  cancel_scope* racing = nullptr;
  bool torn = false;
  co_await with_nursery([&](nursery& n) -> task<> {
    const child_handle reader = n.start([&]() -> task<> {
      for (unsigned count = 0;; ++count) {
        const auto chunk = co_await made.far.read_some().result();
        if (!chunk || chunk->empty()) break;
        received.append(reinterpret_cast<const char*>(chunk->data()), chunk->size());
        arrived = received.size();
        if (racing != nullptr && count % 4 == 0) racing->cancel();  // the writer may be about to go on
        co_await give_way(static_cast<unsigned>(received.size() % 3));
      }
    });
    for (unsigned round = 0; round != 100 && !torn; ++round) {
      // The long ones come late, as one that is cancelled half way is the last.
      const std::string text = fmt::format("<write {}>", round) + std::string(round < 70 ? 0 : round * 500, '.');
      cancel_scope scope;
      std::optional<result<void>> outcome;
      racing = &scope;
      co_await with_nursery([&](nursery& inner) -> task<> {
        inner.start([&]() -> task<> { outcome = co_await scope.run(made.sink.write_all(text)).result(); });
        co_await give_way(round % 6);
        scope.cancel();
      });
      racing = nullptr;
      if (outcome && !*outcome) {
        expect_error(*outcome, errc::write_torn, "a write after one that was cancelled");
        torn = true;
      }
      if (outcome && *outcome) expected += text;
    }
    if (!torn) {
      co_await made.sink.shut_down_write();
      co_return;
    }
    made.owner.reset();  // which the other end may notice or not
    co_await until_still(arrived);
    child_handle(reader).cancel();
  });
  expect(received.starts_with(expected), "what was reported as written did not arrive, or something between");
  expect(torn || received.size() == expected.size(),
         "a cancelled write wrote something, and the next one all the same");
}

constexpr std::array rules{
    sink_rule{"bytes arrive as they were written, whatever the sizes of writes", in_order},
    sink_rule{"shut_down_write is the end, once and for all", the_end},
    sink_rule{"what ends without a byte is empty", empty},
    sink_rule{"nothing begins in a cancelled scope", cancelled_before},
    sink_rule{"a write that is cancelled is reported as it was", cancelled_writes},
};

task<> check_rule(const sink_rule& rule, owned_sink& made, duration patience) {
  std::string broken;
  try {
    auto check = [&] { return rule.check(made); };
    if (co_await move_on_after(patience, check)) co_return;
    broken = fmt::format("it was not over after {} ms", patience.count() / 1'000'000);
  } catch (const std::exception& e) {
    broken = e.what();
  }
  throw testing::check_failed(fmt::format("a sink broke the rule \"{}\": {}", rule.name, broken));
}

}  // namespace

task<> check_sink(const std::function<task<owned_sink>()>& make, const testing::sink_check_options& options) {
  for (const sink_rule& rule : rules) {
    owned_sink made = co_await make();
    co_await check_rule(rule, made, options.patience);
  }
}

}  // namespace wring::net::detail
