// SPDX-License-Identifier: MIT
#include <cerrno>
#include <stdexcept>

#include <wring/net/callback/testing/string_transport.hpp>

namespace wring::net::testing {

string_transport::~string_transport() = default;

void string_transport::write(std::span<const std::byte> data) {
  if (!aborting_ && !write_closing_) value_.append(reinterpret_cast<const char*>(data.data()), data.size());
}

void string_transport::register_producer(producer& p, production how) {
  if (producer_ != nullptr)
    throw std::logic_error("a transport has one producer at a time: unregister the other first");
  if (aborting_) return p.stop_producing();
  producer_ = &p;
  how_ = how;
  if (how == production::pull) p.resume_producing();
}

void string_transport::abort_connection() {
  aborting_ = true;
  disconnecting_ = true;
  value_.clear();
}

wring::nursery& string_transport::nursery() {
  throw std::logic_error("a string_transport has no nursery: use a memory_stream and run_protocol for tasks");
}

memory_pump::memory_pump(std::shared_ptr<protocol> client, std::shared_ptr<protocol> server)
    : ends_{{std::move(client), std::make_shared<string_transport>()},
            {std::move(server), std::make_shared<string_transport>()}} {
  for (end& e : ends_) e.owner->make_connection(e.transport);
}

bool memory_pump::deliver(end& from, end& to) {
  const std::string data = from.transport->take();
  if (!data.empty()) {
    if (!to.transport->disconnecting()) to.owner->data_received(std::as_bytes(std::span(data)));
    return true;
  }
  if (from.transport->registered() != nullptr && !from.transport->aborting()) {
    if (from.transport->how() == production::push) return false;
    from.transport->registered()->resume_producing();
    return !from.transport->value().empty();
  }
  if (!from.transport->disconnecting()) return false;
  ended_ = true;
  if (from.transport->aborting()) {
    from.owner->connection_lost(failure(connection_aborted()));
    to.owner->connection_lost(failure(connection_lost_error(error::from_errno(ECONNRESET, "read from"))));
  } else {
    from.owner->connection_lost(failure(connection_done()));
    to.owner->connection_lost(failure(connection_done()));
  }
  return true;
}

bool memory_pump::pump() {
  bool happened = false;
  if (!ended_) happened |= deliver(ends_[0], ends_[1]);
  if (!ended_) happened |= deliver(ends_[1], ends_[0]);
  return happened;
}

void memory_pump::flush() {
  for (int rounds = 0; rounds != 10'000; ++rounds) {
    if (!pump()) return;
  }
  throw std::runtime_error("a memory_pump has not come to rest after 10,000 rounds");
}

}  // namespace wring::net::testing
