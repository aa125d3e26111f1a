// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/detail/callback_target.hpp>

struct ssl_st;
struct ssl_session_st;

namespace wring::net::tls::detail {

class client_state;
class context_state;
class server_state;

/// What a call of the engine has come to.
enum class tls_step {
  done,         ///< it has done what it was to
  wants_input,  ///< it goes on when more has been received
  ended,        ///< the peer has said that nothing more follows
  failed,       ///< see fault(): it always fails from now on
};

/// TLS as a function of bytes: records go in as they are received, and come out to be sent. No stream, no task, no
/// clock. Whoever calls it sends its output, also that of a call that has failed, which is the alert.
///
/// One thread at a time. Those of its functions that use the scheduler's memory say so.
class WRING_API tls_engine final : callback_target {
 public:
  tls_engine() noexcept = default;
  tls_engine(const tls_engine&) = delete;
  tls_engine& operator=(const tls_engine&) = delete;
  ~tls_engine();

  /// Begins. A client names the host, which is a name or an address, that it verifies. Throws std::invalid_argument for
  /// text that can be neither, and std::bad_alloc.
  void begin(const std::shared_ptr<const client_state>& state, std::string_view host);
  /// Before the first step: goes on with an earlier session, if the server agrees.
  void resume(ssl_session_st& session) noexcept;
  void begin(const std::shared_ptr<const server_state>& state);

  /// What has been received, once all of what there was is used up. Its first step may be after this.
  void feed(buffer_lease received) noexcept;
  [[nodiscard]] bool has_input() const noexcept { return used_ != input_.size(); }
  /// Input that belongs to what comes after TLS.
  [[nodiscard]] buffer_lease take_input() noexcept;
  /// Returns used memory to the scheduler.
  void release_input() noexcept {
    if (!has_input()) {
      input_.reset();
      used_ = 0;
    }
  }

  /// A step of the handshake.
  [[nodiscard]] tls_step handshake() noexcept;
  /// Decrypts into `into`, which is not empty: `count` bytes, when it is done.
  [[nodiscard]] tls_step read(std::span<std::byte> into, std::size_t& count) noexcept;
  /// How much of the record that was read last is left.
  [[nodiscard]] std::size_t pending() const noexcept;

  /// Makes room for what encrypting `count` bytes puts out, in memory of the scheduler's. Returns a fault.
  [[nodiscard]] std::optional<error> prepare(std::size_t count) noexcept;
  /// Encrypts all of it: done or failed.
  [[nodiscard]] tls_step write(std::span<const std::byte> data) noexcept;
  /// Puts out the message that nothing more follows: done or failed.
  [[nodiscard]] tls_step shut_down() noexcept;

  [[nodiscard]] bool has_output() const noexcept { return output_size_ != 0; }
  [[nodiscard]] buffer_lease take_output() noexcept;

  /// Returns the memory that OpenSSL keeps for records, where nothing is in it.
  void free_buffers() noexcept;

  /// The sessions that the server has offered since, for the connections to come: the caller owns them. Null entries
  /// are none; the latest comes first.
  using sessions = std::array<ssl_session_st*, 2>;
  [[nodiscard]] bool has_sessions() const noexcept { return offered_[0] != nullptr; }
  [[nodiscard]] sessions take_sessions() noexcept { return std::exchange(offered_, {}); }
  /// Of a server: the output of the last step of the handshake is nothing that the client waits for.
  [[nodiscard]] bool has_offered_tickets() const noexcept;

  /// After a step that has failed.
  [[nodiscard]] const error& fault() const noexcept { return fault_; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

  /// What has been agreed on. Throws std::bad_alloc.
  [[nodiscard]] stream_security security() const;
  [[nodiscard]] std::vector<peer_certificate> peer_chain() const;

 private:
  friend struct engine_bio;

  void looked_at(int depth) noexcept override { depth_ = static_cast<std::uint16_t>(depth); }
  void offered(ssl_session_st& session) noexcept override;
  void status_refused(const char* why) noexcept override;
  void make(const context_state& state);
  [[nodiscard]] tls_step judge(int returned) noexcept;
  [[nodiscard]] tls_step fail(const error& e) noexcept;
  [[nodiscard]] error openssl_fault() const noexcept;
  [[nodiscard]] std::size_t take(std::span<std::byte> into) noexcept;
  [[nodiscard]] bool put(std::span<const std::byte> bytes) noexcept;

  ssl_st* ssl_ = nullptr;
  std::shared_ptr<const context_state> state_;
  buffer_lease input_;
  buffer_lease output_;
  error fault_{errc::tls_failed, ""};  // once it has failed; before, why the status of a certificate was refused
  sessions offered_{};
  // Small, as there are many engines that do nothing: a lease is below 4 GiB.
  std::uint32_t used_ = 0;  // of the input
  std::uint32_t output_size_ = 0;
  std::uint16_t depth_ = 0;         // how far the peer's chain was looked at
  std::uint16_t without_data_ = 0;  // messages in a row
  bool in_handshake_ = true;
  bool failed_ = false;
};

}  // namespace wring::net::tls::detail
