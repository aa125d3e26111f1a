// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdexcept>

#include <wring/core/scheduler.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/tls/detail/context_state.hpp>
#include <wring/net/tls/detail/openssl.hpp>
#include <wring/net/tls/detail/root_parts.hpp>
#include <wring/net/tls/detail/tls_engine.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr const char* in_handshake = "do a TLS handshake with";
constexpr const char* in_traffic = "speak TLS with";
/// Messages in a row that carry no data: new keys, tickets. Each costs some 20 microseconds.
constexpr unsigned most_without_data = 32;
/// Answers to what is no data, while the peer takes none of them.
constexpr std::size_t most_answers = std::size_t{64} * 1024;
constexpr std::size_t largest_record = std::size_t{16} * 1024;
constexpr std::size_t record_overhead = 64;
constexpr std::size_t message_overhead = 256;  // an answer to a change of keys
/// OpenSSL's reasons that are alerts of the peer's begin here.
constexpr int first_alert_reason = SSL_AD_REASON_OFFSET;

/// Memory of no scheduler's: handshakes may run on another thread.
buffer_lease heap_block(std::size_t size) noexcept {
  auto* const memory = new (std::nothrow) std::byte[size];
  if (memory == nullptr) return {};
  return {memory, size, [](void* owner, std::uint32_t) noexcept { delete[] static_cast<std::byte*>(owner); }, memory};
}

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

/// Before each call, as what others have left in the thread's queue would be taken for its own. To look is cheap, to
/// empty an empty queue takes hundreds of instructions.
void clear_errors() noexcept {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::chrono::sys_seconds point_of(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> epoch(ASN1_TIME_set(nullptr, 0), &ASN1_TIME_free);
  int days = 0;
  int seconds = 0;
  require(epoch != nullptr && ASN1_TIME_diff(&days, &seconds, epoch.get(), time) == 1);
  return std::chrono::sys_seconds(std::chrono::days(days) + std::chrono::seconds(seconds));
}

bool can_be_name(std::string_view host) noexcept {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

}  // namespace

/// OpenSSL's view of the engine: a BIO that reads its input, and never refuses what is written.
struct engine_bio {
  static int read(BIO* bio, char* into, int size) noexcept {
    auto& engine = *static_cast<tls_engine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t count =
        engine.take({reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(std::max(size, 0))});
    if (count != 0) return static_cast<int>(count);
    BIO_set_retry_read(bio);
    return -1;
  }

  static int write(BIO* bio, const char* from, int size) noexcept {
    auto& engine = *static_cast<tls_engine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto count = static_cast<std::size_t>(std::max(size, 0));
    return engine.put({reinterpret_cast<const std::byte*>(from), count}) ? size : -1;
  }

  static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wring");
      require(m != nullptr);
      BIO_meth_set_read(m, &read);
      BIO_meth_set_write(m, &write);
      BIO_meth_set_ctrl(m, &control);
      return m;
    }();
    return made;
  }
};

tls_engine::~tls_engine() {
  // Otherwise OpenSSL takes the session for a broken one, and nobody may resume it.
  if (ssl_ != nullptr && !failed_ && !in_handshake_) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
  for (SSL_SESSION* const each : offered_) SSL_SESSION_free(each);
}

void tls_engine::make(const context_state& state) {
  ERR_clear_error();
  owned<SSL> ssl = checked(SSL_new(state.context()));
  owned<BIO> bio = checked(BIO_new(engine_bio::method()));
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  SSL_set_bio(ssl.get(), bio.get(), bio.get());
  static_cast<void>(bio.release());
  SSL_set_app_data(ssl.get(), static_cast<callback_target*>(this));
  if (state.needs_system_store()) require(SSL_set1_verify_cert_store(ssl.get(), system_store()) == 1);
  ssl_ = ssl.release();
}

void tls_engine::begin(const std::shared_ptr<const client_state>& state, std::string_view host) {
  const auto address = ip_address::parse(host.substr(0, host.find('%')));  // a certificate knows of no zones
  if (!address && host.ends_with('.')) host.remove_suffix(1);
  if (!address && !can_be_name(host)) {
    throw std::invalid_argument("TLS: the host is neither a name nor an address, so there is nothing to verify");
  }
  make(*state);
  state_ = state;
  const std::string text(host.substr(0, host.find('%')));
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl_);
  if (address) {
    require(X509_VERIFY_PARAM_set1_ip_asc(wanted, text.c_str()) == 1);
  } else {
    // Names are in the extension for them, as all have them today; in the subject they are of no kind.
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    require(X509_VERIFY_PARAM_set1_host(wanted, text.c_str(), text.size()) == 1);
    require(SSL_set_tlsext_host_name(ssl_, text.c_str()) == 1);
  }
  SSL_set_connect_state(ssl_);
}

void tls_engine::resume(SSL_SESSION& session) noexcept {
  ERR_clear_error();
  static_cast<void>(SSL_set_session(ssl_, &session));  // without it there is a whole handshake
}

void tls_engine::offered(SSL_SESSION& session) noexcept {
  SSL_SESSION_free(std::exchange(offered_[1], std::exchange(offered_[0], &session)));
}

void tls_engine::status_refused(const char* why) noexcept {
  if (!failed_) fault_ = error(errc::tls_untrusted, in_handshake).with_detail(why);
}

bool tls_engine::has_offered_tickets() const noexcept {
  return SSL_is_server(ssl_) == 1 && SSL_version(ssl_) == TLS1_3_VERSION;
}

void tls_engine::begin(const std::shared_ptr<const server_state>& state) {
  make(*state);
  state_ = state;
  SSL_set_accept_state(ssl_);
}

void tls_engine::feed(buffer_lease received) noexcept {
  input_ = std::move(received);
  used_ = 0;
}

buffer_lease tls_engine::take_input() noexcept {
  input_.consume(std::exchange(used_, 0U));
  return std::move(input_);
}

std::size_t tls_engine::take(std::span<std::byte> into) noexcept {
  const std::size_t count = std::min(into.size(), input_.size() - used_);
  if (count != 0) std::memcpy(into.data(), input_.data() + used_, count);
  used_ += static_cast<std::uint32_t>(count);
  return count;
}

bool tls_engine::put(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() > output_.size() - output_size_) {
    buffer_lease larger = heap_block(std::max<std::size_t>(2 * output_.size(), output_size_ + bytes.size()));
    if (larger.empty()) return false;
    if (output_size_ != 0) std::memcpy(larger.data(), output_.data(), output_size_);
    output_ = std::move(larger);
  }
  if (!bytes.empty()) std::memcpy(output_.data() + output_size_, bytes.data(), bytes.size());
  output_size_ += static_cast<std::uint32_t>(bytes.size());
  return true;
}

buffer_lease tls_engine::take_output() noexcept {
  output_.truncate(std::exchange(output_size_, 0U));
  return std::move(output_);
}

std::optional<error> tls_engine::prepare(std::size_t count) noexcept {
  const std::size_t records = count / largest_record + 1;
  const std::size_t needed = output_size_ + count + records * record_overhead + message_overhead;
  if (needed <= output_.size()) return {};
  auto block = scheduler::current().blocks().try_acquire(needed);
  if (!block) return block.error();
  if (output_size_ != 0) std::memcpy(block->data(), output_.data(), output_size_);
  output_ = std::move(*block);
  return {};
}

tls_step tls_engine::fail(const error& e) noexcept {
  if (!failed_) fault_ = e;
  failed_ = true;
  return tls_step::failed;
}

/// What OpenSSL's queue, which is the thread's, says. The first entry is the cause.
error tls_engine::openssl_fault() const noexcept {
  const char* const operation = in_handshake_ ? in_handshake : in_traffic;
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  const long verified = SSL_get_verify_result(ssl_);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
      return error(errc::tls_untrusted, operation)
          .with_count(static_cast<std::uint64_t>(verified))
          .with_detail(verification_text(verified, depth_));
    }
    if (reason == SSL_R_INVALID_STATUS_RESPONSE && fault_ == errc::tls_untrusted) return fault_;
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
      return error(errc::tls_untrusted, operation).with_detail("the peer has sent none, and one is required");
    }
    if (reason >= first_alert_reason) {
      const int alert = reason - first_alert_reason;
      return error(errc::tls_failed, operation)
          .with_count(static_cast<std::uint64_t>(alert))
          .with_detail(SSL_alert_desc_string_long(alert));
    }
  }
  if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) return error::from_errno(ENOMEM, operation);
  const char* const text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return error(errc::tls_failed, operation).with_detail(text != nullptr ? text : "OpenSSL gives no reason");
}

tls_step tls_engine::judge(int returned) noexcept {
  if (returned > 0) return tls_step::done;
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      return tls_step::wants_input;
    case SSL_ERROR_ZERO_RETURN:
      return tls_step::ended;
    default: {
      const error e = openssl_fault();
      ERR_clear_error();
      return fail(e);
    }
  }
}

tls_step tls_engine::handshake() noexcept {
  if (failed_) return tls_step::failed;
  for (;;) {
    clear_errors();
    const tls_step step = judge(SSL_do_handshake(ssl_));
    if (step == tls_step::wants_input && has_input()) continue;  // it has come back after a message
    if (step == tls_step::ended) {
      return fail(error(errc::tls_failed, in_handshake).with_detail("the peer has ended it"));
    }
    if (step == tls_step::done) {
      // A session that is resumed has been through this before; this is what a wrong one would get past.
      if (state_->requires_peer() && SSL_get0_peer_certificate(ssl_) == nullptr) {
        return fail(
            error(errc::tls_untrusted, in_handshake).with_detail("the peer has sent none, and one is required"));
      }
      in_handshake_ = false;
      // OpenSSL tells of the new ticket of a session that goes on in TLS 1.3 alone.
      if (SSL_is_server(ssl_) == 0 && SSL_session_reused(ssl_) == 1 && SSL_version(ssl_) == TLS1_2_VERSION) {
        offered(*SSL_get1_session(ssl_));
      }
    }
    return step;
  }
}

tls_step tls_engine::read(std::span<std::byte> into, std::size_t& count) noexcept {
  if (failed_) return tls_step::failed;
  // OpenSSL would look for input that is not there, which costs as much as a small record.
  if (!has_input() && SSL_pending(ssl_) == 0 && (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) == 0) {
    return tls_step::wants_input;
  }
  bool stands_still = false;
  for (;;) {
    const std::size_t used_before = used_;
    clear_errors();
    const tls_step step = judge(SSL_read_ex(ssl_, into.data(), into.size(), &count));
    if (step == tls_step::done) without_data_ = 0;
    if (output_size_ > most_answers) {
      return fail(error(errc::tls_failed, in_traffic).with_detail("the peer asks for answers that it does not take"));
    }
    if (step != tls_step::wants_input || !has_input()) return step;
    // To answer a message is a step of its own, which takes no input.
    if (used_ == used_before) {
      if (std::exchange(stands_still, true)) {
        return fail(error(errc::tls_failed, in_traffic).with_detail("OpenSSL takes no more of what was received"));
      }
      continue;
    }
    stands_still = false;
    if (++without_data_ == most_without_data) {
      return fail(error(errc::tls_failed, in_traffic).with_detail("the peer sends too many messages without data"));
    }
  }
}

std::size_t tls_engine::pending() const noexcept { return static_cast<std::size_t>(SSL_pending(ssl_)); }

tls_step tls_engine::write(std::span<const std::byte> data) noexcept {
  if (failed_) return tls_step::failed;
  if (data.empty()) return tls_step::done;
  clear_errors();
  std::size_t written = 0;
  const tls_step step = judge(SSL_write_ex(ssl_, data.data(), data.size(), &written));
  if (step == tls_step::done && written == data.size()) return step;
  // Nothing that it writes to ever refuses.
  return fail(error(errc::tls_failed, in_traffic).with_detail("a record could not be written"));
}

tls_step tls_engine::shut_down() noexcept {
  if (failed_) return tls_step::failed;
  clear_errors();
  const int returned = SSL_shutdown(ssl_);
  if (returned >= 0) return tls_step::done;  // 0: the peer has not said the same yet
  return judge(returned) == tls_step::wants_input ? tls_step::done : tls_step::failed;
}

void tls_engine::free_buffers() noexcept {
  if (ssl_ != nullptr && !failed_) SSL_free_buffers(ssl_);
}

stream_security tls_engine::security() const {
  stream_security known;
  known.protocol = SSL_get_version(ssl_);
  known.cipher = SSL_get_cipher_name(ssl_);
  known.resumed = SSL_session_reused(ssl_) == 1;
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &chosen, &size);
  if (size != 0) known.application_protocol.assign(reinterpret_cast<const char*>(chosen), size);
  if (const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) known.server_name = name;
  if (const X509* const peer = SSL_get0_peer_certificate(ssl_)) {
    known.peer_subject = name_text(X509_get_subject_name(peer));
    known.peer_certificate = encoded(*peer);
    known.peer_verified = state_->verifies() && SSL_get_verify_result(ssl_) == X509_V_OK;
  }
  return known;
}

std::vector<peer_certificate> tls_engine::peer_chain() const {
  std::vector<peer_certificate> all;
  const auto add = [&](const X509* shown) {
    all.push_back({.subject = name_text(X509_get_subject_name(shown)),
                   .issuer = name_text(X509_get_issuer_name(shown)),
                   .valid_from = point_of(X509_get0_notBefore(shown)),
                   .valid_until = point_of(X509_get0_notAfter(shown)),
                   .encoded = encoded(*shown)});
  };
  const X509* const own = SSL_get0_peer_certificate(ssl_);
  if (own != nullptr) add(own);
  // For a server it is not among the others.
  const STACK_OF(X509)* const others = SSL_get_peer_cert_chain(ssl_);
  for (int i = SSL_is_server(ssl_) == 1 ? 0 : 1; i < sk_X509_num(others); ++i) add(sk_X509_value(others, i));
  return all;
}

}  // namespace wring::net::tls::detail
