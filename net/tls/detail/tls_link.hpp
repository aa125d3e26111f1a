// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/queued_write.hpp>
#include <wring/net/detail/receive_queue.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/net/tls/detail/handshake_pace.hpp>
#include <wring/net/tls/detail/tls_engine.hpp>

namespace wring::net::tls::detail {

class tls_link;

/// What a read waits for.
class read_goal {
 public:
  /// True: the outcome is there.
  virtual bool look(tls_link& link) noexcept = 0;
  virtual void fail(const error& e) noexcept = 0;

 protected:
  ~read_goal() = default;
};

/// A TLS stream, at a stable address: the engine, the stream below, and who reads and writes.
///
/// While there is an observer, the link observes the stream below, and what arrives there is decrypted without a task,
/// up to a limit: only then is it known whether it is bytes for a reader, the end, or neither.
class WRING_API tls_link final : net::detail::queued_write {
 public:
  explicit tls_link(any_stream lower) noexcept : lower_(std::move(lower)) {}
  explicit tls_link(stream_ref lower) noexcept : lower_(net::detail::stream_access::borrowed<any_stream>(lower)) {}
  tls_link(const tls_link&) = delete;
  tls_link& operator=(const tls_link&) = delete;
  /// Says to the peer that nothing more follows, if that can be done without waiting, and if it is so.
  ~tls_link();

  [[nodiscard]] tls_engine& engine() noexcept { return engine_; }
  [[nodiscard]] stream_ref lower() noexcept { return lower_; }
  [[nodiscard]] const stream_security& security() const noexcept { return security_; }
  [[nodiscard]] error_address peer_address() const noexcept { return lower_.peer_address(); }

  /// Reads until there is a whole record, before anything is made for the connection. Throws io_error.
  task<> receive_first_record();
  /// Throws io_error. `slow`: on another thread. `first` is for the first step, and is done then; the engine has begun
  /// in it.
  task<> handshake(bool slow, handshake_pace::step first);
  /// Throws io_error (errc::closed) if it was aborted.
  void check_open() const;
  /// A handshake has computed what it could, and the peer has not answered yet.
  [[nodiscard]] bool waits_for_peer() const noexcept { return waits_for_peer_; }

  // Of a client, after the engine has begun.

  /// Goes on with an earlier session with `server`, if there is one, and remembers those that come.
  void resume_session(const std::shared_ptr<const client_state>& context, std::string server);
  /// The handshake has failed, perhaps because of them.
  void forget_sessions() noexcept;

  // Reading.

  [[nodiscard]] bool reading() const noexcept { return reading_; }
  /// The next bytes without waiting; none if more must be received first.
  [[nodiscard]] std::optional<result<std::size_t>> take(std::span<std::byte> into) noexcept;
  [[nodiscard]] std::optional<result<buffer_lease>> take() noexcept;
  /// Puts bytes back in front.
  void give_back(std::span<const std::byte> bytes) noexcept;
  void give_back(buffer_lease&& bytes) noexcept;
  /// Receives until the goal is content.
  task<> fill(read_goal& goal);

  /// As tls_stream's.
  [[nodiscard]] buffer_lease try_read_some() noexcept;
  [[nodiscard]] std::size_t received_ahead() noexcept;
  bool watch(stream_observer* observer) noexcept;

  // Writing.

  task<> write(std::span<const std::span<const std::byte>> parts, result<void>& outcome);
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept;
  task<> shut_down_write();
  task<> close();
  void abort() noexcept;

  /// Ends TLS on both sides: `below` becomes the stream below, if it was owned. Returns what has come after the peer's
  /// message. The stream is closed then.
  task<buffer_lease> end_tls(any_stream& below);

 private:
  class occupied;
  class tearing;
  class cut_off;

  /// Is told what arrives at the stream below.
  class lower_observer final : public stream_observer {
   public:
    explicit lower_observer(tls_link& l) noexcept : link_(l) {}
    void arrived() noexcept override { link_.look_ahead(); }
    void ended(const error* fault) noexcept override { link_.lower_ended(fault); }

   private:
    tls_link& link_;
  };

  struct remembered_server {
    std::shared_ptr<const client_state> context;
    std::string name;
  };

  [[nodiscard]] error about(errc code, const char* operation) const noexcept;
  [[nodiscard]] error named(const error& e) const noexcept;
  [[nodiscard]] std::optional<error> read_obstacle() const noexcept;
  /// Why nothing can be written.
  [[nodiscard]] std::optional<error> write_obstacle() const noexcept;
  void fail_writing(const error& e) noexcept {
    write_fault_ = e;
    write_failed_ = true;
  }
  /// What a step of reading that is not done comes to; none if more must be received first.
  [[nodiscard]] std::optional<error> read_fault(tls_step step) noexcept;
  /// What the input of the engine comes to next: bytes, the end (empty), a fault; none if more must be received first.
  [[nodiscard]] std::optional<result<buffer_lease>> decrypt() noexcept;
  /// The same, of what the stream below has received too.
  [[nodiscard]] std::optional<result<buffer_lease>> decrypt_received() noexcept;
  [[nodiscard]] error lost_bytes() noexcept;

  void keep_sessions() noexcept;

  /// Decrypts what has come, and tells the observer.
  void look_ahead() noexcept;
  void tell_end(const error* fault) noexcept;
  void lower_ended(const error* fault) noexcept;
  /// No task reads any more: the observer is told of what it has left.
  void resume_watching() noexcept;

  /// Encrypts from `part` and `offset` on, up to `most` bytes. Returns how many; none: it has failed.
  [[nodiscard]] std::optional<std::size_t> encrypt(std::span<const std::span<const std::byte>>& parts,
                                                   std::size_t& offset, std::size_t most) noexcept;
  /// Writes the engine's output, and notes what is wrong with that. The caller has the turn.
  task<> flush();
  /// Writes it without waiting: what finds no room is queued at the stream below, which can do that.
  void post_output(mutex::guard turn) noexcept;
  /// Sends what reading has put out, if nobody else is sending.
  task<> flush_from_reader();
  task<> say_goodbye();
  /// Writes what can be written at once of the last that there is to be said.
  void say_at_once() noexcept;

  // Output that the stream below had no room for.
  std::size_t parts(std::span<std::span<const std::byte>> into) noexcept override;
  void written(std::size_t count) noexcept override;
  void ended(const error* fault) noexcept override;

  any_stream lower_;  // may own nothing, and refer to another one's
  tls_engine engine_;
  stream_security security_;
  std::unique_ptr<const remembered_server> server_;  // whose sessions are remembered
  net::detail::receive_queue ahead_;                 // decrypted and not taken
  stream_observer* observer_ = nullptr;
  lower_observer below_{*this};
  buffer_lease posted_;
  mutex::guard posting_;  // of sending_
  mutex sending_;
  error write_fault_{errc::closed, ""};  // once writing has failed, also if something was torn
  bool waits_for_peer_ : 1 = false;
  bool established_ : 1 = false;
  bool reading_ : 1 = false;
  bool input_ended_ : 1 = false;  // by the peer's message
  bool truncated_ : 1 = false;    // without it
  bool out_of_memory_ : 1 = false;
  bool observed_ = false;    // the stream below, by below_
  bool missed_end_ = false;  // of the stream below, when nobody could be told
  bool end_told_ = false;
  bool shut_ : 1 = false;
  bool closed_ : 1 = false;
  bool write_failed_ : 1 = false;
};

}  // namespace wring::net::tls::detail
