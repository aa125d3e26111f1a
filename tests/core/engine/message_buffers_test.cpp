// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/make_engine.hpp>
#include <wring/core/engine/message_buffers.hpp>

#include "message_support.hpp"
#include "support/child_process.hpp"
#include "support/mailbox_engine.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::run_in_child;
using wring::make_engine;

/// Fills a buffer as an engine does, and returns the completion.
completion fill(message_buffers& buffers, std::string_view source, std::string_view control, std::string_view payload,
                std::uint32_t flags = 0) {
  std::uint32_t id = 0;
  REQUIRE(buffers.pool().acquire(id));
  const std::span<std::byte> memory = buffers.pool().memory(id);
  const message_buffers::header head{.source_size = static_cast<std::uint32_t>(source.size()),
                                     .control_size = static_cast<std::uint32_t>(control.size()),
                                     .payload_size = static_cast<std::uint32_t>(payload.size()),
                                     .flags = flags};
  std::memcpy(memory.data(), &head, sizeof head);
  std::byte* const at = memory.data() + sizeof head;
  std::memcpy(at, source.data(), source.size());
  std::memcpy(at + message_buffers::source_room, control.data(), control.size());
  std::memcpy(memory.data() + buffers.payload_offset(), payload.data(), payload.size());
  buffers.pool().filled(id);
  return {static_cast<std::int32_t>(buffers.payload_offset() + payload.size()), completion::in_buffer(id)};
}

TEST_CASE("a message is what an engine has put into a buffer", "[message_buffers]") {
  mailbox_engine e;
  message_buffers buffers(e, {.count = 2, .payload = 8, .control = 3});
  CHECK(buffers.control_room() == 8);  // aligned
  CHECK(buffers.pool().buffer_size() == buffers.payload_offset() + 8);
  CHECK(buffers.pool().capacity() == 2);

  received_message m = buffers.take(fill(buffers, "source", "", "payload", MSG_TRUNC));
  REQUIRE(m);
  CHECK(text_of(m.source()) == "source");
  CHECK(m.control().empty());
  CHECK(text_of(m) == "payload");
  CHECK(m.truncated());
  CHECK_FALSE(m.control_truncated());
  CHECK(reinterpret_cast<std::uintptr_t>(m.source().data()) % alignof(::sockaddr_storage) == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(m.control().data()) % alignof(::cmsghdr) == 0);

  received_message other = buffers.take(fill(buffers, "", "", "", MSG_CTRUNC));
  CHECK(other.source().empty());
  CHECK(other.payload().empty());
  CHECK(other.control_truncated());
  CHECK(reinterpret_cast<std::uintptr_t>(other.control().data()) % alignof(::cmsghdr) == 0);
  CHECK(buffers.pool().leased() == 2);

  other = std::move(m);
  CHECK(buffers.pool().leased() == 1);
  CHECK_FALSE(m);  // NOLINT(bugprone-use-after-move): it has said what it is then
  CHECK(m.payload().empty());
  CHECK_FALSE(m.truncated());
  const buffer_lease rest = std::move(other).take_payload();
  CHECK(text_of(rest) == "payload");
  CHECK_FALSE(other);
  CHECK(buffers.pool().leased() == 1);
}

TEST_CASE("a message that has left its buffer is the same, and the buffer is free", "[message_buffers]") {
  mailbox_engine e;
  message_buffers buffers(e, {.count = 1, .payload = 8, .control = 3});
  received_message m = buffers.take(fill(buffers, "source", "", "payload", MSG_TRUNC));
  CHECK(m.real_size() == 7);
  REQUIRE(buffers.pool().leased() == 1);
  REQUIRE(m.leave_buffer());
  CHECK(buffers.pool().leased() == 0);
  CHECK(std::memcmp(m.source().data(), "source", 6) == 0);
  REQUIRE(m.payload().size() == 7);
  CHECK(std::memcmp(m.payload().data(), "payload", 7) == 0);
  CHECK(m.truncated());
  CHECK(received_message().real_size() == 0);
}

TEST_CASE("a message says no more than there is room for, whatever its sizes say", "[message_buffers]") {
  mailbox_engine e;
  message_buffers buffers(e, {.count = 1, .payload = 8, .control = 8});
  const completion c = fill(buffers, "", "", "payload");
  const message_buffers::header lies{.source_size = 1000, .control_size = 1000, .payload_size = 1000, .flags = 0};
  std::memcpy(buffers.pool().memory(c.buffer()).data(), &lies, sizeof lies);
  received_message m = buffers.take(c);
  m.release_descriptors();
  CHECK(m.source().size() == message_buffers::source_room);
  CHECK(m.control().size() == buffers.control_room());
  CHECK(m.payload().size() == 7);
}

TEST_CASE("options of message_buffers are checked", "[message_buffers]") {
  mailbox_engine e;
  const auto make = [&](const message_buffer_options& options) { const message_buffers buffers(e, options); };
  CHECK_THROWS_AS(make({.payload = 0}), std::invalid_argument);
  CHECK_THROWS_AS(make({.payload = 16 * 1024 * 1024 + 1}), std::invalid_argument);
  CHECK_THROWS_AS(make({.control = 64 * 1024 + 1}), std::invalid_argument);
  CHECK_THROWS_AS(make({.count = 0}), std::invalid_argument);
  CHECK_THROWS_AS(make({.count = 40'000}), std::invalid_argument);
  CHECK_NOTHROW(make({.count = 1, .initial = 1, .payload = 1, .control = 0}));
}

TEST_CASE("an engine has many groups of buffers, one after the other and side by side", "[message_buffers][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  const udp_ends ends;
  for (int round = 0; round != 3; ++round) {
    std::vector<std::unique_ptr<message_buffers>> groups;
    for (int i = 0; i != 5; ++i) {
      groups.push_back(std::make_unique<message_buffers>(e, message_buffer_options{.count = 1, .payload = 100}));
    }
    groups.erase(groups.begin() + 1);  // a number is free again
    groups.push_back(std::make_unique<message_buffers>(e, message_buffer_options{.count = 1, .payload = 100}));
    for (const auto& group : groups) {
      messages receive(ends.fd[0], *group);
      e.submit(receive);
      ends.send("text");
      REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 1; }));
      CHECK(text_of(receive.got[0]) == "text");
      CHECK(group->pool().leased() == 1);
      e.cancel(receive);
      turn_until_idle(e);
    }
  }
  CHECK(e.buffers().leased() == 0);
  e.shut_down();
}

TEST_CASE("a message that outlives its buffers ends the process", "[message_buffers]") {
  const auto end = run_in_child([] {
    mailbox_engine e;
    std::optional<message_buffers> buffers(std::in_place, e);
    const received_message m = buffers->take(fill(*buffers, "", "", "text"));
    buffers.reset();
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("wring: 1 received buffers outlived their") != std::string::npos);
}

}  // namespace
