// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/protocols/http/web/response_error.hpp>

namespace wring::web {

response_done::response_done() : connection_done("the answer is complete") {}
response_done::~response_done() = default;

potential_data_loss::potential_data_loss()
    : connection_done("the answer has ended with the connection, and may not be complete") {}
potential_data_loss::~potential_data_loss() = default;

response_failed::response_failed(const error& fault, failure reason)
    : connection_lost_error(fault), reason_(std::move(reason)) {}
response_failed::~response_failed() = default;

partial_download_error::partial_download_error(int status, std::string body)
    : runtime_error("the answer has ended with the connection, and may not be complete: " +
                    std::to_string(body.size()) + " bytes"),
      status_(status),
      body_(std::move(body)) {}
partial_download_error::~partial_download_error() = default;

}  // namespace wring::web
