// SPDX-License-Identifier: MIT
#include <wring/core/awaiter.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/detail/flows/leaving.hpp>

namespace wring::detail {

constinit adaptor_node flow_root{{.parent = nullptr, .frame = {}}, [](adaptor_node&, flow& f) noexcept {
                                   f.was_cancelled = true;
                                   return true;
                                 }};

void flow::cancel_wait() noexcept {
  if (leaf == nullptr) return;
  if (leaf->state_ == awaiter::state::parked) {
    leaf->state_ = awaiter::state::cancelling;
    leaf->cancel();
  } else if (leaf->state_ == awaiter::state::yielded) {  // in the ready queue: nothing was begun
    leaf->state_ = awaiter::state::cancelled;
    leaf = nullptr;
    request_unwind();
  }
}

wait_state flow::waits() const noexcept {
  if (leaf == nullptr) return wait_state::none;
  switch (leaf->state_) {
    case awaiter::state::yielded:
      return wait_state::yielded;
    case awaiter::state::cancelling:
      return wait_state::cancelling;
    default:
      return wait_state::parked;
  }
}

void flow::note_exception(const std::exception_ptr& thrown, const promise_base& frame) noexcept {
  frame_failed();
  exception_trace* const made = trace.made();
  if (made == nullptr) return;  // a report without the frames is better than no report
  if (made->exception != identity(thrown)) {
    made->exception = identity(thrown);
    made->count = made->omitted = 0;
  }
  if (made->count < exception_trace::limit) {
    made->frames[made->count++] = frame.awaiting_at;
  } else {
    ++made->omitted;
  }
}

}  // namespace wring::detail
