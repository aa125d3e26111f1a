// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <sys/socket.h>

#include <liburing.h>

#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/message_buffers.hpp>

namespace wring::detail {

/// The group of provided buffers that is the engine's pool. Others are of message_buffers.
inline constexpr std::uint16_t buffer_group = 0;

/// What is added to user_data for op_code::poll.
inline constexpr std::uint64_t tag_poll = 3;

/// The bit of operation::queue by which op_code::poll is told of changes, and not of what is there to begin with.
inline constexpr std::uint8_t poll_for_changes = 2;

/// The bit of operation::queue of a multishot receive whose end the kernel may not report: see
/// uring_engine::starts_again.
inline constexpr std::uint8_t end_unseen = 8;

// Further bits of operation::queue.
inline constexpr std::uint8_t in_backlog = 1;  ///< waits for room in the submission queue
inline constexpr std::uint8_t answered = 4;  ///< a poll that has its answer, in `offset`: only its end is still to come
inline constexpr std::uint8_t rearming = 16;  ///< a multishot receive that is cancelled to be armed again
static_assert(((in_backlog | answered | rearming) & (poll_for_changes | end_unseen)) == 0);

// What a multishot receive of messages puts before the name, the control data and the payload.
static_assert(sizeof(::io_uring_recvmsg_out) == 16 && sizeof(message_buffers::header) == 16);
static_assert(offsetof(::io_uring_recvmsg_out, namelen) == offsetof(message_buffers::header, source_size));
static_assert(offsetof(::io_uring_recvmsg_out, controllen) == offsetof(message_buffers::header, control_size));
static_assert(offsetof(::io_uring_recvmsg_out, payloadlen) == offsetof(message_buffers::header, payload_size));
static_assert(offsetof(::io_uring_recvmsg_out, flags) == offsetof(message_buffers::header, flags));

/// Writes the submission queue entry of an operation. Part of the hot path of `uring_engine::submit`.
[[gnu::always_inline]] inline void fill(::io_uring_sqe& sqe, operation& op, std::uint64_t user_data) noexcept {
  sqe = {};
  sqe.fd = op.fd;
  sqe.user_data = user_data;
  sqe.addr = reinterpret_cast<std::uintptr_t>(op.data);
  switch (op.code) {
    case op_code::accept_multishot:
      sqe.opcode = IORING_OP_ACCEPT;
      sqe.addr = 0;  // the next connection's address would be written over what has not been read yet
      sqe.ioprio = IORING_ACCEPT_MULTISHOT;
      sqe.accept_flags = SOCK_CLOEXEC;
      break;
    case op_code::connect:
      sqe.opcode = IORING_OP_CONNECT;
      sqe.off = op.length;
      break;
    case op_code::receive:
      sqe.opcode = IORING_OP_RECV;
      sqe.len = op.length;
      sqe.msg_flags = op.flags;
      break;
    case op_code::receive_multishot:
      sqe.opcode = IORING_OP_RECV;
      sqe.addr = 0;
      // Armed before the first attempt: see uring_engine::starts_again.
      sqe.ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
      sqe.flags = IOSQE_BUFFER_SELECT;
      sqe.buf_group = buffer_group;
      op.queue |= end_unseen;
      break;
    case op_code::receive_message:
      sqe.opcode = IORING_OP_RECVMSG;
      sqe.len = 1;
      sqe.msg_flags = op.flags | MSG_CMSG_CLOEXEC;
      break;
    case op_code::receive_message_multishot: {
      const auto& buffers = *static_cast<const message_buffers*>(op.data);
      sqe.opcode = IORING_OP_RECVMSG;
      sqe.addr = reinterpret_cast<std::uintptr_t>(&buffers.request());
      sqe.len = 1;
      sqe.msg_flags = op.flags | MSG_CMSG_CLOEXEC;
      sqe.ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;  // as above
      sqe.flags = IOSQE_BUFFER_SELECT;
      sqe.buf_group = buffers.group;
      op.queue |= end_unseen;
      break;
    }
    case op_code::send:
      sqe.opcode = IORING_OP_SEND;
      sqe.len = op.length;
      sqe.msg_flags = op.flags | MSG_NOSIGNAL;
      break;
    case op_code::send_message:
      sqe.opcode = IORING_OP_SENDMSG;
      sqe.len = 1;
      sqe.msg_flags = op.flags | MSG_NOSIGNAL;
      break;
    case op_code::poll:
      sqe.opcode = IORING_OP_POLL_ADD;
      sqe.poll32_events = op.flags;
      if ((op.queue & poll_for_changes) != 0) sqe.len = IORING_POLL_ADD_MULTI;
      sqe.user_data |= tag_poll;
      break;
    case op_code::poll_multishot:
      sqe.opcode = IORING_OP_POLL_ADD;
      sqe.poll32_events = op.flags;
      sqe.len = IORING_POLL_ADD_MULTI;
      break;
    case op_code::open:
      sqe.opcode = IORING_OP_OPENAT;
      sqe.open_flags = op.flags | O_CLOEXEC;
      sqe.len = static_cast<std::uint32_t>(op.offset);
      break;
    case op_code::read:
    case op_code::write:
      sqe.opcode = op.code == op_code::read ? IORING_OP_READ : IORING_OP_WRITE;
      sqe.len = op.length;
      sqe.off = op.offset;
      break;
    case op_code::sync:
      sqe.opcode = IORING_OP_FSYNC;
      break;
  }
}

}  // namespace wring::detail
