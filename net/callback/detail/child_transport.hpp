// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <wring/core/callback/failure.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/detail/child_input.hpp>
#include <wring/net/callback/process_protocol.hpp>
#include <wring/net/callback/process_transport.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/files/command.hpp>
#include <wring/net/files/process.hpp>

namespace wring::net::detail {

/// A transport over a process, and the tasks that read, write and wait for it. What is written goes through a transport
/// of a stream's, with its producers and its limit.
class child_transport final : public process_transport, public std::enable_shared_from_this<child_transport> {
 public:
  child_transport(process started, std::string program, std::shared_ptr<process_protocol> p, transport_options options);
  child_transport(const child_transport&) = delete;
  child_transport& operator=(const child_transport&) = delete;
  ~child_transport() override;

  [[nodiscard]] int pid() const noexcept override { return id_; }
  using consumer::write;
  void write(std::span<const std::byte> data) override;
  [[nodiscard]] std::size_t unsent() const noexcept override;
  void set_write_limit(std::size_t bytes) override;
  void register_producer(producer& p, production how) override;
  void unregister_producer() override;
  void close_stdin() override;
  void close_stdout() override { close(output()); }
  void close_stderr() override { close(process_.error()); }
  void signal_process(int number) override;
  void pause_producing() override { paused_ = true; }
  void resume_producing() override;
  [[nodiscard]] wring::nursery& nursery() override;

  /// Runs the process until it has exited and its streams have ended, or something has failed. `made` is called after
  /// connection_made.
  task<> run(const std::function<void()>& made);
  /// A callback or a task has failed.
  void failed(failure why) noexcept;
  /// What has failed, if anything has.
  [[nodiscard]] const std::optional<failure>& fault() const noexcept { return failure_; }
  /// Ends the process if it runs and is to be ended, and tells the protocol the rest. Returns how it ended.
  task<process_status> end(abandonment left);

 private:
  class input_protocol;
  class ending;

  using bytes_function = void (process_protocol::*)(std::span<const std::byte>);
  using lost_function = void (process_protocol::*)();

  template <class F>
  void call(F f) noexcept;
  [[nodiscard]] pipe_reader& output() noexcept;
  void close(pipe_reader& from) noexcept;
  void begin(const std::function<void()>& made);
  task<> feed();
  task<> read(pipe_reader& from, bytes_function received, lost_function lost, bool& open);
  task<> wait();
  void input_lost(const failure& reason) noexcept;
  void exited(const process_status& status) noexcept;
  void check_over() noexcept;
  void lose() noexcept;

  process process_;
  const std::string program_;
  const int id_;
  transport_options options_;
  std::shared_ptr<process_protocol> protocol_;  // until it has ended
  std::optional<child_input> input_;
  std::shared_ptr<input_protocol> feeding_;  // has the transport of the input
  std::optional<wring::nursery> nursery_;    // while it runs
  std::optional<process_status> status_;
  std::optional<failure> failure_;
  event resumed_;
  event over_;
  bool made_ = false;
  bool paused_ = false;
  bool input_open_ = false;
  bool output_open_ = false;
  bool error_open_ = false;
};

}  // namespace wring::net::detail
