// SPDX-License-Identifier: MIT
#include <functional>
#include <stdexcept>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/net/callback/detail/child_transport.hpp>
#include <wring/net/callback/process_error.hpp>
#include <wring/net/callback/run_protocol.hpp>

namespace wring::net::detail {

/// What the input of a process is to the transport that writes it.
class child_transport::input_protocol final : public protocol {
 public:
  input_protocol(child_transport& owner, std::function<void()> begin) : owner_(owner), begin_(std::move(begin)) {}
  void connection_made() override { begin_(); }
  void connection_lost(const failure& reason) override { owner_.input_lost(reason); }

 private:
  child_transport& owner_;
  std::function<void()> begin_;
};

// The last that is done, also if ending the process has taken too long and was cancelled.
class child_transport::ending {
 public:
  explicit ending(child_transport& t) noexcept : transport_(t) {}
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;
  ~ending() { transport_.lose(); }

 private:
  child_transport& transport_;
};

child_transport::child_transport(process started, std::string program, std::shared_ptr<process_protocol> p,
                                 transport_options options)
    : process_(std::move(started)),
      program_(std::move(program)),
      id_(process_.id()),
      options_(options),
      protocol_(std::move(p)) {
  const bool terminal = process_.terminal().writer().is_open();
  pipe_writer& in = terminal ? process_.terminal().writer() : process_.input();
  if (in.is_open()) input_.emplace(in, !terminal, error_address::from_text(program_));
  input_open_ = in.is_open();
  output_open_ = output().is_open();
  error_open_ = process_.error().is_open();
}

child_transport::~child_transport() = default;

pipe_reader& child_transport::output() noexcept {
  pipe_reader& shown = process_.terminal().reader();
  return shown.is_open() ? shown : process_.output();
}

wring::nursery& child_transport::nursery() {
  if (!nursery_) throw std::logic_error("the process has ended: it has no nursery any more");
  return *nursery_;
}

// --- What the protocol asks for ---

void child_transport::write(std::span<const std::byte> data) {
  if (input_open_ && feeding_ != nullptr) feeding_->transport().write(data);
}

std::size_t child_transport::unsent() const noexcept {
  return input_open_ && feeding_ != nullptr ? feeding_->transport().unsent() : 0;
}

void child_transport::set_write_limit(std::size_t bytes) {
  if (feeding_ != nullptr) feeding_->transport().set_write_limit(bytes);
}

void child_transport::register_producer(producer& p, production how) {
  if (feeding_ == nullptr || !input_open_) return p.stop_producing();
  feeding_->transport().register_producer(p, how);
}

void child_transport::unregister_producer() {
  if (feeding_ != nullptr) feeding_->transport().unregister_producer();
}

void child_transport::close_stdin() {
  if (feeding_ != nullptr) feeding_->transport().lose_connection();
}

void child_transport::close(pipe_reader& from) noexcept {
  if (!from.is_open()) return;
  static_cast<void>(pipe_ends::state_of(from)->close());
  resumed_.set();
}

void child_transport::resume_producing() {
  paused_ = false;
  resumed_.set();
}

void child_transport::signal_process(int number) {
  if (status_ || !process_.signal(number)) throw process_exited_already(program_);
}

// --- Running ---

template <class F>
void child_transport::call(F f) noexcept {
  try {
    f();
  } catch (...) {
    log::error("a callback of a process failed", {"program", program_}, {"error", failure::current().message()});
    failed(failure::current());
  }
}

void child_transport::failed(failure why) noexcept {
  if (!failure_) failure_ = std::move(why);
  over_.set();
}

task<> child_transport::run(const std::function<void()>& made) {
  nursery_.emplace();
  auto body = [&]() -> task<> {
    if (input_) {
      feeding_ = std::make_shared<input_protocol>(*this, [this, &made] { begin(made); });
      nursery_->start([this] { return feed(); });
    } else {
      begin(made);
    }
    co_await over_.wait();
    if (!failure_) lose();
    nursery_->cancel();
  };
  co_await nursery_->run(std::ref(body));
}

void child_transport::begin(const std::function<void()>& made) {
  call([&] {
    made_ = true;
    protocol_->make_connection(shared_from_this());
    if (made) made();
  });
  nursery_->start([this] { return wait(); });
  if (output_open_) {
    nursery_->start([this] {
      return read(output(), &process_protocol::out_received, &process_protocol::out_connection_lost, output_open_);
    });
  }
  if (error_open_) {
    nursery_->start([this] {
      return read(process_.error(), &process_protocol::err_received, &process_protocol::err_connection_lost,
                  error_open_);
    });
  }
}

task<> child_transport::feed() {
  const protocol_options options{.transport = options_, .peer = {}, .host = {}};
  co_await run_protocol(*input_, feeding_, options);
}

void child_transport::input_lost(const failure& reason) noexcept {
  input_open_ = false;
  if (reason.check<write_buffer_overflow>() || !reason.check<connection_done, connection_lost_error>()) failed(reason);
  call([this] { protocol_->in_connection_lost(); });
  check_over();
}

task<> child_transport::read(pipe_reader& from, bytes_function received, lost_function lost, bool& open) {
  for (;;) {
    const auto chunk = co_await from.read_some().result();
    if (!chunk || chunk->empty()) break;
    while (paused_ && from.is_open()) {
      resumed_.reset();
      co_await resumed_.wait();
    }
    if (!from.is_open() || failure_) break;
    call([&] { (protocol_.get()->*received)(*chunk); });
  }
  close(from);
  open = false;
  call([&] { (protocol_.get()->*lost)(); });
  // Of a terminal, nobody is there any more to type for.
  if (input_open_ && process_.terminal().writer().is_open()) feeding_->transport().abort_connection();
  check_over();
}

task<> child_transport::wait() {
  const process_status status = co_await process_.wait();
  exited(status);
  check_over();
}

void child_transport::exited(const process_status& status) noexcept {
  status_ = status;
  if (made_) call([this] { protocol_->process_exited(process_reason(*status_, program_)); });
}

void child_transport::check_over() noexcept {
  if (status_ && !input_open_ && !output_open_ && !error_open_) over_.set();
}

// --- The end ---

task<process_status> child_transport::end(abandonment left) {
  const ending at_the_end(*this);
  nursery_.reset();
  close(output());
  close(process_.error());
  if (protocol_ != nullptr && !status_ && left.terminate) {
    const process_status status = co_await process_.end(left.grace);
    exited(status);
  }
  co_return status_.value_or(process_status());
}

void child_transport::lose() noexcept {
  // Each of these may be the last to refer to the other.
  const std::shared_ptr<process_protocol> p = std::move(protocol_);
  if (p == nullptr || !made_) return;
  if (std::exchange(output_open_, false)) call([&] { p->out_connection_lost(); });
  if (std::exchange(error_open_, false)) call([&] { p->err_connection_lost(); });
  const failure how = failure_  ? *failure_
                      : status_ ? process_reason(*status_, program_)
                                : failure(connection_aborted(error_address::from_text(program_)));
  call([&] { p->process_ended(how); });
}

}  // namespace wring::net::detail
