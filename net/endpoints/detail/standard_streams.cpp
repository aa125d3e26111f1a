// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/endpoints/detail/standard_streams.hpp>
#include <wring/net/files/pipe_stream.hpp>
#include <wring/net/files/process_stream.hpp>

namespace wring::net::detail {

namespace {

/// What the listener knows of its only connection.
struct only_connection {
  bool taken = false;
  bool over = false;
  event changed;

  void end() noexcept {
    over = true;
    changed.set();
  }
};

/// Says that the connection is over, when it is destroyed.
class ending {
 public:
  explicit ending(std::shared_ptr<only_connection> which) noexcept : which_(std::move(which)) {}
  ending(ending&& other) noexcept = default;
  ending& operator=(ending&& other) noexcept {
    which_.swap(other.which_);
    return *this;
  }
  ~ending() {
    if (which_ != nullptr) which_->end();
  }

 private:
  std::shared_ptr<only_connection> which_;
};

/// Standard input and output, which a listener waits for the end of.
class stdio_stream : public pipe_stream {
 public:
  stdio_stream(pipe_stream streams, ending e) noexcept : pipe_stream(std::move(streams)), ending_(std::move(e)) {}

 private:
  ending ending_;
};

class stdio_connection {
 public:
  explicit stdio_connection(ending e) noexcept : ending_(std::move(e)) {}

  [[nodiscard]] static socket_address peer_address() noexcept { return {}; }
  [[nodiscard]] task<stdio_stream> establish() {
    co_return stdio_stream(pipe_stream(standard_input(), standard_output()), std::move(ending_));
  }

 private:
  ending ending_;
};

/// Its only connection is there at once; when that has ended, nothing more is to come.
class stdio_listener {
 public:
  [[nodiscard]] task<stdio_connection> accept() {
    while (only_->taken && !only_->over) {
      only_->changed.reset();
      co_await only_->changed.wait();
    }
    if (only_->over) error(errc::closed, "accept another connection on standard input").raise();
    only_->taken = true;
    co_return stdio_connection(ending(only_));
  }
  [[nodiscard]] static socket_address local_address() noexcept { return {}; }
  [[nodiscard]] task<> close() {
    only_->end();
    co_return;
  }

 private:
  std::shared_ptr<only_connection> only_ = std::make_shared<only_connection>();
};

}  // namespace

server_endpoint stdio_server(endpoint_arguments& arguments) {
  return {arguments.text(), []() -> task<any_listener> { co_return any_listener(stdio_listener()); }};
}

client_endpoint stdio_client(endpoint_arguments& arguments) {
  return {arguments.text(),
          []() -> task<any_stream> { co_return any_stream(pipe_stream(standard_input(), standard_output())); }};
}

client_endpoint process_client(endpoint_arguments& arguments) {
  command what(arguments.require("program"));
  while (std::optional<std::string> value = arguments.take("argument")) what.argument(std::move(*value));
  what.input(process_io::pipe()).output(process_io::pipe());
  return {arguments.text(), [what = std::move(what)]() -> task<any_stream> {
            process started = co_await spawn(what);
            co_return any_stream(process_stream(std::move(started)));
          }};
}

}  // namespace wring::net::detail
