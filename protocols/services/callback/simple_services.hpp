// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/producer.hpp>
#include <wring/net/callback/protocol.hpp>

/// Those of ../simple_services.hpp as protocols: Twisted's twisted.protocols.wire.
///
///     net::listen_tcp(net::factory::for_protocol<services::echo_protocol>(), {.port = 7});
namespace wring::services {

/// Sends back what comes (RFC 862). A peer that sends and does not read is held back, as `net::transport::pause_above`
/// says.
class WRING_API echo_protocol : public net::protocol, public net::half_closeable {
 public:
  ~echo_protocol() override;
  void connection_made() override;
  void data_received(std::span<const std::byte> data) override { transport().write(data); }
  void read_connection_lost() override;
  void write_connection_lost() override {}

 private:
  /// Holds reading while as much is unsent as should be.
  class brake final : public net::producer {
   public:
    explicit brake(net::protocol& p) noexcept : protocol_(p) {}
    void resume_producing() override { protocol_.transport().resume_producing(); }
    void pause_producing() override { protocol_.transport().pause_producing(); }
    void stop_producing() override {}

   private:
    net::protocol& protocol_;
  };

  brake brake_{*this};
};

/// Drops what comes (RFC 863).
class WRING_API discard_protocol : public net::protocol {
 public:
  ~discard_protocol() override;
};

/// Sends lines of characters as fast as they are taken (RFC 864).
class WRING_API chargen_protocol : public net::protocol, net::producer {
 public:
  ~chargen_protocol() override;
  void connection_made() override;

 private:
  void resume_producing() override;
  void stop_producing() override {}

  std::size_t line_ = 0;
};

/// Sends a text, and closes (RFC 865).
class WRING_API qotd_protocol : public net::protocol {
 public:
  explicit qotd_protocol(std::string quote = "An apple a day keeps the doctor away.\r\n") : quote_(std::move(quote)) {}
  ~qotd_protocol() override;
  void connection_made() override;

 protected:
  /// The text of this connection.
  [[nodiscard]] virtual std::string quote() { return quote_; }

 private:
  std::string quote_;
};

/// Sends the names of users, a line each, and closes (RFC 866).
class WRING_API who_protocol : public net::protocol {
 public:
  explicit who_protocol(std::vector<std::string> users = {}) : users_(std::move(users)) {}
  ~who_protocol() override;
  void connection_made() override;

 protected:
  /// Who is there.
  [[nodiscard]] virtual std::vector<std::string> users() { return users_; }

 private:
  std::vector<std::string> users_;
};

/// Sends the date and the time of day as text, and closes (RFC 867).
class WRING_API daytime_protocol : public net::protocol {
 public:
  ~daytime_protocol() override;
  void connection_made() override;
};

/// Sends the time as a number, and closes (RFC 868).
class WRING_API time_protocol : public net::protocol {
 public:
  ~time_protocol() override;
  void connection_made() override;
};

}  // namespace wring::services
