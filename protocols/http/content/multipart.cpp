// SPDX-License-Identifier: MIT
#include <span>
#include <utility>

#include <wring/protocols/http/content/multipart.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http {

namespace {

std::string boundary_for(const request& rq) {
  if (auto boundary = detail::boundary_of(rq.header("content-type").value_or(""))) return std::move(*boundary);
  throw status_error(415, "the body should be multipart/form-data, with a boundary");
}

}  // namespace

fields multipart_part::headers() const noexcept { return reader_->parser_.headers(); }

std::string_view multipart_part::type() const noexcept { return headers().find("content-type").value_or("text/plain"); }

task<buffer_lease> multipart_part::read_some() { return reader_->read(); }

task<std::string> multipart_part::text(std::size_t limit) {
  std::string all;
  for (;;) {
    const buffer_lease piece = co_await read_some();
    if (piece.empty()) co_return all;
    if (piece.size() > limit - all.size()) {
      throw status_error(413, {}, "a part is longer than the handler's limit of " + std::to_string(limit));
    }
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

multipart_reader::multipart_reader(request& rq, multipart_limits limits)
    : body_(&rq.body()), limits_(limits), parser_(boundary_for(rq), limits.head), part_(*this) {}

task<multipart_reader::status> multipart_reader::next_event(buffer_lease& piece) {
  for (;;) {
    if (input_.empty()) {
      buffer_lease more = co_await body_->read_some();
      if (more.empty()) throw status_error(400, "the body ends before its last boundary");
      input_.refill(std::move(more));
    }
    const std::span<const std::byte> given = input_.bytes();
    const detail::multipart_parser::step step = parser_.feed(given);
    if (step.state == status::refused) throw status_error(parser_.why().status, parser_.why().reason);
    if (step.state == status::data && step.data.data() == given.data()) {
      piece = input_.take(step.data.size());
      co_return status::data;
    }
    if (step.state == status::data) piece = buffer_lease::copy_of(step.data);
    input_.drop(step.consumed);
    if (step.state != status::more) co_return step.state;
  }
}

task<buffer_lease> multipart_reader::read() {
  buffer_lease piece;
  if (!in_part_) co_return piece;
  const status what = co_await next_event(piece);
  if (what == status::part_end) in_part_ = false;
  co_return piece;
}

task<multipart_part*> multipart_reader::next() {
  if (ended_) co_return nullptr;
  buffer_lease piece;
  for (;;) {
    const status what = co_await next_event(piece);
    piece.reset();
    if (what == status::part_end) in_part_ = false;
    if (what == status::end) {
      co_await finish();
      co_return nullptr;
    }
    if (what == status::head) break;
  }
  if (++count_ > limits_.parts) {
    throw status_error(413, {},
                       "the body has more parts than multipart_limits::parts, " + std::to_string(limits_.parts));
  }
  in_part_ = true;
  std::size_t dispositions = 0;
  std::optional<detail::form_disposition> found;
  for (const std::string_view value : parser_.headers().all("content-disposition")) {
    ++dispositions;
    found = detail::parse_disposition(value);
  }
  if (dispositions != 1 || !found) {
    throw status_error(400, "a part of the body has no Content-Disposition with the name of a field");
  }
  part_.name_ = std::move(found->name);
  part_.filename_ = std::move(found->filename);
  co_return &part_;
}

task<> multipart_reader::finish() {
  ended_ = true;
  for (;;) {
    if (!parser_.take_epilogue(input_.bytes())) throw status_error(400, "something follows the body's last boundary");
    buffer_lease more = co_await body_->read_some();
    if (more.empty()) co_return;
    input_.refill(std::move(more));
  }
}

}  // namespace wring::http
