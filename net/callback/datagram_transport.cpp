// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/core/callback/failure.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/callback/datagram_transport.hpp>

namespace wring::net {

datagram_transport::datagram_transport(udp_socket socket, std::shared_ptr<datagram_protocol> p)
    : socket_(std::move(socket)),
      protocol_(std::move(p)),
      host_(socket_->local_address()),
      peer_(socket_->peer_address()) {}

datagram_transport::~datagram_transport() = default;

std::shared_ptr<datagram_transport> datagram_transport::start(udp_socket socket, std::shared_ptr<datagram_protocol> p) {
  scheduler& home = scheduler::current();
  if (p->transport_ != nullptr) {
    throw std::logic_error("a datagram_protocol is for one socket: make a new one for each");
  }
  const std::shared_ptr<datagram_transport> made(new datagram_transport(std::move(socket), p));
  p->transport_ = made;
  try {
    p->start_protocol();
    home.root().start(run, made);
  } catch (...) {
    p->transport_ = nullptr;
    throw;
  }
  return made;
}

udp_socket& datagram_transport::socket() {
  if (!socket_ || receiving_.cancelled()) error(errc::closed, "use a socket for datagrams").with_address(host_).raise();
  return *socket_;
}

bool datagram_transport::write(std::span<const std::byte> data, const socket_address& to) {
  return written([&] { return socket().try_send_to(to, data); });
}

bool datagram_transport::write(std::span<const std::byte> data) {
  return written([&] { return socket().try_send(data); });
}

template <class Send>
bool datagram_transport::written(Send send) {
  bool sent = false;
  try {
    sent = send();
  } catch (const io_error& e) {
    if (e.code() != std::errc::connection_refused) throw;
    // The protocol is told, but not from within its own call.
    scheduler::current().root().start(tell_of_refusal, shared_from_this());
  }
  if (!sent) ++dropped_;
  return sent;
}

template <class F>
void datagram_transport::call(F f) noexcept {
  if (protocol_ == nullptr) return;
  const std::shared_ptr<datagram_protocol> p = protocol_;
  try {
    f(*p);
  } catch (...) {
    log::error("a callback for datagrams failed", {"at", get_host()}, {"error", failure::current().message()});
  }
}

void datagram_transport::failed(const error& e) noexcept {
  if (e == std::errc::connection_refused) {
    call([](datagram_protocol& p) { p.connection_refused(); });
  } else {
    log::warn("datagrams cannot be received", {"at", get_host()}, {"error", e});
  }
}

void datagram_transport::stopped() noexcept {
  call([](datagram_protocol& p) { p.stop_protocol(); });
  protocol_ = nullptr;
  socket_.reset();
  ended_.set();
}

task<> datagram_transport::tell_of_refusal(std::shared_ptr<datagram_transport> self) {
  co_await yield();
  self->call([](datagram_protocol& p) { p.connection_refused(); });
}

task<> datagram_transport::run(std::shared_ptr<datagram_transport> self) {
  struct ending {
    datagram_transport& transport;
    ~ending() { transport.stopped(); }
  };
  const ending at_the_end{*self};
  co_await self->receiving_.run(self->receive());
  co_await self->socket_->close();
}

task<> datagram_transport::receive() {
  for (;;) {
    auto received = co_await until_stopping(socket_->receive()).result();
    if (!received || (!*received && received->error() == errc::closed)) break;
    if (*received) {
      const datagram& d = **received;
      call([&d](datagram_protocol& p) { p.datagram_received(d.bytes(), d.peer()); });
    } else {
      failed(received->error());
    }
  }
}

task<> datagram_transport::wait_for_end(std::shared_ptr<datagram_transport> self) { co_await self->ended_.wait(); }

deferred<> datagram_transport::stop_listening() {
  receiving_.cancel();
  return start_deferred(wait_for_end, shared_from_this());
}

namespace {

task<std::shared_ptr<datagram_transport>> begin_listening(std::shared_ptr<datagram_protocol> p, udp_options options) {
  udp_socket socket = co_await bind_udp(options);
  co_return datagram_transport::start(std::move(socket), std::move(p));
}

task<std::shared_ptr<datagram_transport>> begin_connected(std::shared_ptr<datagram_protocol> p, socket_address peer,
                                                          udp_options options) {
  udp_socket socket = co_await connect_udp(peer, options);
  co_return datagram_transport::start(std::move(socket), std::move(p));
}

}  // namespace

deferred<std::shared_ptr<datagram_transport>> listen_udp(std::shared_ptr<datagram_protocol> p, udp_options options) {
  return start_deferred(begin_listening, std::move(p), options);
}

deferred<std::shared_ptr<datagram_transport>> connect_udp(std::shared_ptr<datagram_protocol> p, socket_address peer,
                                                          udp_options options) {
  return start_deferred(begin_connected, std::move(p), peer, options);
}

}  // namespace wring::net
