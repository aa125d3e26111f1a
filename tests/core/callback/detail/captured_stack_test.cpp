// SPDX-License-Identifier: MIT
#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/detail/captured_stack.hpp>

using wring::detail::short_symbol_name;

TEST_CASE("the name of a symbol is what is left without types, arguments and clones", "[captured_stack]") {
  CHECK(short_symbol_name("main") == "main");
  CHECK(short_symbol_name("client::answer(std::string const&) const") == "client::answer");
  CHECK(short_symbol_name("int client::answer<std::pair<int, int> >(void (*)(int))") == "client::answer");
  CHECK(short_symbol_name("fetch(int) [clone .actor]") == "fetch");
  CHECK(short_symbol_name("(anonymous namespace)::session::end()") == "session::end");
  CHECK(short_symbol_name("main::{lambda(int)#1}::operator()(int) const") == "main::{lambda#1}::operator()");
  CHECK(short_symbol_name("void run()::{lambda()#2}::operator()<int>(int) const") == "run::{lambda#2}::operator()");
  CHECK(short_symbol_name("bool operator< <int>(set<int>, set<int>)") == "operator< <int>");
  CHECK(short_symbol_name("value::operator bool() const") == "value::operator bool");
  CHECK(short_symbol_name("auto chain::add<f>(f&&) const &") == "chain::add");
  CHECK(short_symbol_name("auto chain::add<f>(f&&) &&") == "chain::add");
  CHECK(short_symbol_name("") == "");
}
