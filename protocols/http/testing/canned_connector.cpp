// SPDX-License-Identifier: MIT
#include <cstddef>
#include <span>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/incoming_body.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/testing/canned_connector.hpp>

namespace wring::http::testing {

namespace {

/// Reads more, if there is nothing. False: the end.
task<bool> fill(net::memory_stream& from, detail::input& in) {
  if (!in.empty()) co_return true;
  auto got = co_await from.read_some().result();
  if (!got || got->empty()) co_return false;
  in.refill(std::move(*got));
  co_return true;
}

void append(std::string& to, std::span<const std::byte> bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// Reads a head, as it is. False: the connection has ended, or it is none.
task<bool> read_head(net::memory_stream& from, detail::input& in, std::string& text, detail::head_facts& facts) {
  const buffer_lease memory = scheduler::current().blocks().acquire(std::size_t{128} * 1024);
  detail::head_store store({memory.data(), memory.size()});
  detail::head_parser parser(detail::head_parser::kind::request, {.size = std::size_t{64} * 1024});
  for (;;) {
    const bool some = co_await fill(from, in);
    if (!some) co_return false;
    const std::span<const std::byte> all = in.bytes();
    const detail::head_parser::step step = parser.feed(all, store);
    append(text, all.first(step.consumed));
    in.drop(step.consumed);
    if (step.state == detail::head_parser::status::incomplete) continue;
    facts = parser.facts();
    co_return step.state == detail::head_parser::status::done;
  }
}

task<bool> read_body(net::memory_stream& from, detail::input& in, const detail::head_facts& facts, std::string& text) {
  detail::incoming_body body;
  body.begin(facts.chunked ? detail::body_form::chunked : detail::body_form::length, facts.length);
  while (!body.complete()) {
    const bool some = co_await fill(from, in);
    if (!some) co_return false;
    const buffer_lease piece = body.take(in, scheduler::current().blocks(), {});
    append(text, piece);
    if (body.why()) co_return false;
  }
  for (const field f : body.trailers()) text.append("|").append(f.name).append("=").append(f.value);
  co_return true;
}

}  // namespace

canned_connector& canned_connector::answer(std::string bytes) {
  answers_.push_back({std::move(bytes), then::go_on});
  return *this;
}
canned_connector& canned_connector::answer_and_close(std::string bytes) {
  answers_.push_back({std::move(bytes), then::close});
  return *this;
}
canned_connector& canned_connector::answer_early(std::string bytes) {
  answers_.push_back({std::move(bytes), then::ignore});
  return *this;
}

task<net::any_stream> canned_connector::connect(net::connect_target /*target*/) {
  ++connections_;
  auto ends = net::make_memory_stream_pair(how_);
  nursery_.start([this](net::memory_stream end) { return serve(std::move(end)); }, std::move(ends.second));
  co_return net::any_stream(std::move(ends.first));
}

task<> canned_connector::serve(net::memory_stream end) {
  detail::input in;
  for (;;) {
    std::string request;
    detail::head_facts facts;
    bool whole = co_await read_head(end, in, request, facts);
    if (!whole || answers_.empty()) co_return;
    const canned next = std::move(answers_.front());
    answers_.pop_front();
    if (next.after != then::ignore) whole = co_await read_body(end, in, facts, request);
    if (!whole) co_return;
    requests_.push_back(std::move(request));
    const auto sent = co_await end.write_all(next.bytes).result();
    if (!sent || next.after == then::close) co_return;
    if (next.after != then::ignore) continue;
    // Until the client has gone.
    for (;;) {
      const auto got = co_await end.read_some().result();
      if (!got || got->empty()) co_return;
    }
  }
}

}  // namespace wring::http::testing
