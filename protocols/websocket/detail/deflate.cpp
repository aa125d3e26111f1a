// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#define ZLIB_CONST
#include <zlib.h>

#include <wring/protocols/websocket/detail/deflate.hpp>

namespace wring::ws::detail {

namespace {

/// What a message would end with (RFC 7692, section 7.2.1).
constexpr std::array<std::byte, 4> tail{std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};

constexpr std::size_t most_window_bits = 15;

/// zlib's memory for a window of so many bits is 2^(bits + 2) and 2^(level + 9): with 12 and 5, 32 KiB.
constexpr int memory_level(std::uint8_t window_bits) noexcept { return std::clamp(window_bits - 7, 1, 8); }

}  // namespace

struct deflater::state {
  z_stream stream{};
};

void deflater::deleter::operator()(state* s) const noexcept {
  deflateEnd(&s->stream);
  delete s;
}

// As zlib has it for any settings, and a flush.
std::size_t deflater::most(std::size_t size) noexcept { return size + (size >> 3) + (size >> 6) + 32; }

deflater::owned deflater::make(std::uint8_t window_bits) {
  auto made = std::make_unique<state>();
  const int outcome = deflateInit2(&made->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -int{window_bits},
                                   memory_level(window_bits), Z_DEFAULT_STRATEGY);
  if (outcome != Z_OK) throw std::bad_alloc();
  return owned(made.release());
}

// Nothing is awaited meanwhile, so one of each kind is enough for a thread.
std::size_t deflater::compress_alone(std::uint8_t window_bits, std::span<const std::byte> bytes, std::byte* out) {
  thread_local std::array<owned, most_window_bits + 1> all;
  owned& mine = all.at(window_bits);
  if (mine == nullptr) {
    mine = make(window_bits);
  } else {
    deflateReset(&mine->stream);
  }
  return run(*mine, bytes, true, out);
}

std::size_t deflater::compress(std::span<const std::byte> bytes, bool last, std::byte* out) {
  if (state_ == nullptr && last && !terms_.keeps_context) return compress_alone(terms_.window_bits, bytes, out);
  if (state_ == nullptr) state_ = make(terms_.window_bits);
  const std::size_t size = run(*state_, bytes, last, out);
  if (last && !terms_.keeps_context) state_.reset();
  return size;
}

std::size_t deflater::run(state& s, std::span<const std::byte> bytes, bool last, std::byte* out) {
  z_stream& z = s.stream;
  z.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out);
  z.avail_out = static_cast<uInt>(most(bytes.size()));
  const uInt room = z.avail_out;
  ::deflate(&z, Z_SYNC_FLUSH);
  std::size_t size = room - z.avail_out;
  if (last) {
    // zlib says nothing more where it is given nothing: then it is an empty block (section 7.2.3.6).
    if (size < tail.size()) {
      out[0] = std::byte{0};
      size = 1;
    } else {
      size -= tail.size();
    }
  }
  return size;
}

struct inflater::state {
  z_stream stream{};
};

void inflater::deleter::operator()(state* s) const noexcept {
  inflateEnd(&s->stream);
  delete s;
}

inflater::step inflater::inflate(std::span<std::byte> out) {
  if (state_ == nullptr) {
    auto made = std::make_unique<state>();
    if (inflateInit2(&made->stream, -int{terms_.window_bits}) != Z_OK) throw std::bad_alloc();
    state_.reset(made.release());
  }
  z_stream& z = state_->stream;
  std::size_t written = 0;
  for (;;) {
    if (input_.empty() && last_ && !tail_fed_) {
      input_ = tail;
      tail_fed_ = true;
    }
    z.next_in = reinterpret_cast<const Bytef*>(input_.data());
    z.avail_in = static_cast<uInt>(input_.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    z.avail_out = static_cast<uInt>(out.size() - written);
    const int outcome = ::inflate(&z, Z_SYNC_FLUSH);
    written = out.size() - z.avail_out;
    input_ = input_.last(z.avail_in);
    // A block may say that it is the last one (section 7.2.3.4): what follows begins anew.
    if (outcome == Z_STREAM_END) {
      if (inflateReset(&z) != Z_OK) return {status::broken, written};
      if (input_.empty() && tail_fed_) break;
      continue;
    }
    if (outcome == Z_MEM_ERROR) throw std::bad_alloc();
    if (outcome != Z_OK && outcome != Z_BUF_ERROR) return {status::broken, written};
    if (z.avail_out == 0) return {status::more_room, written};
    if (input_.empty() && (!last_ || tail_fed_)) break;
    if (outcome == Z_BUF_ERROR && !input_.empty()) return {status::broken, written};
  }
  if (last_ && !terms_.keeps_context) state_.reset();
  return {status::done, written};
}

}  // namespace wring::ws::detail
