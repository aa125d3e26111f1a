// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/op_code.hpp>

using namespace wring;

TEST_CASE("the facts of an operation are those of its code", "[engine]") {
  CHECK(facts_of(op_code::accept_multishot).multishot);
  CHECK(facts_of(op_code::receive_multishot).multishot);
  CHECK(facts_of(op_code::receive_message_multishot).multishot);
  CHECK(facts_of(op_code::poll_multishot).multishot);
  std::size_t multishots = 0;
  for (const op_facts& facts : all_op_facts) multishots += facts.multishot ? 1 : 0;
  CHECK(multishots == 4);

  using namespace std::string_view_literals;
  constexpr std::array names{"accept"sv,
                             "connect"sv,
                             "receive"sv,
                             "receive"sv,
                             "receive message"sv,
                             "receive message"sv,
                             "send"sv,
                             "send"sv,
                             "poll"sv,
                             "poll"sv,
                             "open"sv,
                             "read"sv,
                             "write"sv,
                             "sync"sv};
  for (std::size_t i = 0; i != op_codes; ++i) CHECK(to_string(static_cast<op_code>(i)) == names[i]);

  CHECK(facts_of(op_code::connect).direction == op_direction::output);
  CHECK(facts_of(op_code::send_message).direction == op_direction::output);
  CHECK(facts_of(op_code::write).direction == op_direction::output);
  CHECK(facts_of(op_code::read).direction == op_direction::input);
  CHECK(facts_of(op_code::poll).direction == op_direction::asked);
  CHECK(facts_of(op_code::sync).direction == op_direction::none);
  for (const op_code code : {op_code::open, op_code::read, op_code::write, op_code::sync}) {
    CHECK(facts_of(code).may_block);
  }
  CHECK_FALSE(facts_of(op_code::receive).may_block);
}
