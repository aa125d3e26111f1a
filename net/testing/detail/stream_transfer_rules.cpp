// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>

namespace wring::net::detail {

namespace {

task<> in_order(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  struct sizes {
    std::size_t written;
    std::size_t read;
    std::size_t count;
  };
  constexpr std::array table{sizes{1, 1, 300},         sizes{1, 4096, 300},       sizes{7, 3, 1000},
                             sizes{1000, 1, 1500},     sizes{4096, 4096, 20000},  sizes{60000, 1000, 70000},
                             sizes{100, 60000, 20000}, sizes{60000, 60000, 70000}};
  std::size_t position = 0;
  for (const read_style style : {read_style::leased, read_style::spans, read_style::mixed}) {
    for (const sizes& s : table) {
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start(send_pattern, a, position, s.count, s.written);
        co_await receive_pattern(b, position, s.count, style, s.read);
      });
      position += s.count;
    }
  }
}

task<> gathered(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::vector<std::span<const std::byte>> parts;
  std::size_t total = 0;
  for (std::size_t i = 0; i != 200; ++i) {  // more than a system call takes at once in some implementations
    parts.push_back(pattern(total, i % 5 == 0 ? 0 : i * i % 3000));
    total += parts.back().size();
  }
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      co_await a.write_all(std::span<const std::span<const std::byte>>());
      co_await a.write_all(std::span<const std::byte>());
      co_await a.write_all(std::span<const std::span<const std::byte>>(parts));
      co_await a.write_all(std::span<const std::span<const std::byte>>(parts).first(1));
      co_await send_pattern(a, total, 10, 10);
    });
    co_await receive_pattern(b, 0, total + 10, read_style::mixed, 4096);
  });
}

task<> nothing_into_nothing(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  const std::size_t before = co_await b.read({});
  expect(before == 0, "a read into an empty span did not return 0");
  co_await send_pattern(a, 0, 10, 10);
  const std::size_t after = co_await b.read({});
  expect(after == 0, "a read into an empty span did not return 0");
  co_await receive_pattern(b, 0, 10, read_style::spans, 10);
}

task<> both_ways(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  constexpr std::size_t count = 500'000;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(send_pattern, a, 0U, count, 50'000U);
    n.start(send_pattern, b, 7U, count, 30'000U);
    n.start(receive_pattern, a, 7U, count, read_style::mixed, 10'000U);
    n.start(receive_pattern, b, 0U, count, read_style::mixed, 20'000U);
    co_return;
  });
}

/// The writes of one task: each is of one byte that no other has, repeated.
struct writer_plan {
  static constexpr std::size_t writers = 4;
  static constexpr std::size_t writes = 6;
  static constexpr std::size_t length(std::size_t id) { return 40'000 + id * 1'000; }

  static task<> run(stream_ref to, std::size_t writer) {
    for (std::size_t i = 0; i != writes; ++i) {
      const std::size_t id = writer * writes + i;
      const std::vector<std::byte> bytes(length(id), static_cast<std::byte>(id));
      const std::span<const std::byte> all(bytes);
      if (i % 2 == 0) {
        co_await to.write_all(all);
      } else {
        const std::array parts{all.first(100), all.subspan(100, 20'000), all.subspan(20'100)};
        co_await to.write_all(std::span<const std::span<const std::byte>>(parts));
      }
    }
  }
};

task<> contiguous(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::vector<std::size_t> order;
  co_await with_nursery([&](nursery& n) -> task<> {
    for (std::size_t writer = 0; writer != writer_plan::writers; ++writer) n.start(writer_plan::run, a, writer);
    std::size_t left = 0;
    while (order.size() != writer_plan::writers * writer_plan::writes || left != 0) {
      const buffer_lease chunk = co_await b.read_some();
      expect(!chunk.empty(), "the stream ended early");
      for (const std::byte byte : chunk) {
        const auto id = static_cast<std::size_t>(byte);
        if (left == 0) {
          order.push_back(id);
          left = writer_plan::length(id);
        }
        if (id != order.back())
          throw testing::check_failed(fmt::format("write {} interrupts write {}", id, order.back()));
        --left;
      }
    }
  });
  for (std::size_t id = 0; id != order.size(); ++id) {
    expect(std::ranges::count(order, id) == 1, "a write came twice, or never");
    expect(id % writer_plan::writes == 0 || std::ranges::find(order, id) > std::ranges::find(order, id - 1),
           "the writes of one task changed places");
    expect(id % writer_plan::writes != 0 || id == 0 ||
               std::ranges::find(order, id) > std::ranges::find(order, id - writer_plan::writes),
           "writes that wait are not served in order of arrival");
  }
}

task<> one_reader(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(receive_pattern, b, 0U, 5U, read_style::leased, 5U);
    co_await sleep_for(std::chrono::milliseconds(1));
    std::array<std::byte, 1> byte;
    const auto second = co_await b.read(byte).result();
    expect_error(second, errc::busy, "a second concurrent read");
    const auto leased = co_await b.read_some().result();
    expect_error(leased, errc::busy, "a second concurrent read_some");
    co_await send_pattern(a, 0, 5, 5);
  });
  co_await send_pattern(a, 5, 5, 5);
  co_await receive_pattern(b, 5, 5, read_style::spans, 5);
}

task<> read_at_once(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  constexpr std::size_t count = 5000;
  expect(b.try_read_some().empty() && b.received_ahead() == 0, "there was something before anything was written");
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(send_pattern, a, std::size_t{0}, count, std::size_t{1000});
    co_await receive_pattern(b, 0, 1, read_style::spans, 1);  // some of the rest may be there then
    std::size_t position = 1;
    for (int i = 0; i != 3; ++i) {
      const std::size_t ahead = b.received_ahead();
      const buffer_lease chunk = b.try_read_some();
      expect(chunk.size() <= ahead && ahead <= count - position, "received_ahead did not tell what was there");
      expect(chunk.empty() == (ahead == 0), "what was received ahead could not be read at once");
      expect_pattern(chunk, position);
      position += chunk.size();
    }
    co_await receive_pattern(b, position, count - position, read_style::mixed, 100);
  });
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(receive_pattern, b, count, std::size_t{10}, read_style::leased, std::size_t{10});
    co_await give_way(3);
    expect(b.try_read_some().empty(), "bytes were taken while a task reads");
    co_await send_pattern(a, count, 10, 10);
  });
  co_await a.shut_down_write();
  const remainder rest = co_await receive_rest(b, count + 10);
  expect(rest.count == 0 && b.try_read_some().empty(), "there was something at the end of the stream");
  co_await b.close();
  expect(b.try_read_some().empty() && b.received_ahead() == 0, "there was something in a closed stream");
}

task<> back_pressure(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::size_t sent = 0;
  bool keep_on = true;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      while (keep_on && sent < options.most_held) {
        co_await a.write_all(pattern(sent, pattern_period));
        sent += pattern_period;
      }
    });
    co_await until_still(sent);
    if (sent >= options.most_held)
      throw testing::check_failed(fmt::format("{} bytes were accepted while nothing read", sent));
    keep_on = false;
    co_await receive_pattern(b, 0, sent + pattern_period, read_style::mixed, 10'000);
  });
}

constexpr std::array rules{
    stream_rule{"bytes arrive as they were written, whatever the sizes of writes and reads", in_order},
    stream_rule{"a gathered write is its parts one after the other, empty ones included", gathered},
    stream_rule{"a read into an empty span gives 0 at once and takes nothing", nothing_into_nothing},
    stream_rule{"both directions carry data at the same time", both_ways},
    stream_rule{"writes of several tasks are contiguous and in order of arrival", contiguous},
    stream_rule{"a second reader gets errc::busy and disturbs nothing", one_reader},
    stream_rule{"try_read_some gives what is there, in order", read_at_once},
    stream_rule{"a writer waits while the peer does not read", back_pressure},
};

}  // namespace

std::span<const stream_rule> stream_transfer_rules() noexcept { return rules; }

}  // namespace wring::net::detail
