// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/callback/connection_error.hpp>

namespace wring::web {

// How the body of an answer has ended, as the protocol that it was delivered to learns it.

/// All of it has come: Twisted's ResponseDone.
class WRING_API response_done : public net::connection_done {
 public:
  response_done();
  response_done(const response_done&) noexcept = default;
  response_done& operator=(const response_done&) noexcept = default;
  ~response_done() override;
};

/// It has ended with the connection, and the server has not said how long it is: nobody can tell whether this is all.
/// Twisted's PotentialDataLoss.
class WRING_API potential_data_loss : public net::connection_done {
 public:
  potential_data_loss();
  potential_data_loss(const potential_data_loss&) noexcept = default;
  potential_data_loss& operator=(const potential_data_loss&) noexcept = default;
  ~potential_data_loss() override;
};

/// It has not come to its end: it was cut or malformed, took too long, or its receiver has stopped it. details() is the
/// fault. Twisted's ResponseFailed.
class WRING_API response_failed : public net::connection_lost_error {
 public:
  response_failed(const error& fault, failure reason);
  response_failed(const response_failed&) = default;
  response_failed& operator=(const response_failed&) = default;
  ~response_failed() override;

  /// What the connection would have been lost with: `net::connection_aborted` for a receiver that has aborted it.
  [[nodiscard]] const failure& reason() const noexcept { return reason_; }

 private:
  failure reason_;
};

/// What read_body fails with where the protocol would have learned of potential_data_loss: Twisted's
/// PartialDownloadError.
class WRING_API partial_download_error : public std::runtime_error {
 public:
  partial_download_error(int status, std::string body);
  partial_download_error(const partial_download_error&) = default;
  partial_download_error& operator=(const partial_download_error&) = default;
  ~partial_download_error() override;

  [[nodiscard]] int status() const noexcept { return status_; }
  /// What has come, and may be all.
  [[nodiscard]] const std::string& body() const noexcept { return body_; }

 private:
  int status_;
  std::string body_;
};

}  // namespace wring::web
