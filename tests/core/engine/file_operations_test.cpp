// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/timeout.hpp>

// The seam's file operations have no awaitable of their own yet: this is what one will do with them.

namespace {

using namespace wring;
using namespace std::chrono_literals;

/// Awaits one operation of the seam; gives its result as it is.
class any_operation final : public leaf<any_operation, int>, public operation {
 public:
  any_operation(op_code what, int descriptor, void* memory, std::size_t size, std::uint32_t options = 0,
                std::uint64_t at = 0) noexcept {
    code = what;
    fd = descriptor;
    data = memory;
    length = static_cast<std::uint32_t>(size);
    flags = options;
    offset = at;
    on_completion = [](operation& op, completion c) noexcept { static_cast<any_operation&>(op).ended(c.result); };
  }

  bool ready() noexcept { return false; }
  void suspend() noexcept { home().engine().submit(*this); }
  void cancel() noexcept override { home().engine().cancel(*this); }
  int take() const noexcept { return result_; }
  wait_description describe() const noexcept override { return {.operation = to_string(code), .fd = fd}; }

 private:
  void ended(int result) noexcept {
    result_ = result;
    if (result == -ECANCELED && cancel_requested()) {
      confirm_cancel();
    } else {
      complete();
    }
  }

  int result_ = 0;
};

/// A folder that goes with its files.
struct temporary_folder {
  std::string path = "/tmp/wring-test-XXXXXX";
  temporary_folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~temporary_folder() {
    ::unlink((path + "/file").c_str());
    ::rmdir(path.c_str());
  }
};

}  // namespace

TEST_CASE("a file is opened, written, synced and read through the seam", "[engine][real_fd]") {
  wring::testing::run([]() -> task<> {
    const temporary_folder folder;
    std::string path = folder.path + "/file";
    const int fd = co_await any_operation(op_code::open, AT_FDCWD, path.data(), 0, O_RDWR | O_CREAT, 0600);
    REQUIRE(fd >= 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);

    std::string text = "the quick brown fox";
    const int written = co_await any_operation(op_code::write, fd, text.data(), text.size(), 0, 0);
    CHECK(written == 19);
    const int synced = co_await any_operation(op_code::sync, fd, nullptr, 0);
    CHECK(synced == 0);

    std::array<char, 64> buffer{};
    const int middle = co_await any_operation(op_code::read, fd, buffer.data(), 5, 0, 4);
    CHECK(middle == 5);
    CHECK(std::string_view(buffer.data(), 5) == "quick");
    const int at_end = co_await any_operation(op_code::read, fd, buffer.data(), buffer.size(), 0, 19);
    CHECK(at_end == 0);

    // Offset -1 is the file position, which the operations above have left alone.
    const auto position = static_cast<std::uint64_t>(-1);
    const int first = co_await any_operation(op_code::read, fd, buffer.data(), 9, 0, position);
    const int second = co_await any_operation(op_code::read, fd, buffer.data() + 9, 55, 0, position);
    CHECK(first == 9);
    CHECK(second == 10);
    CHECK(std::string_view(buffer.data(), 19) == text);
    ::close(fd);
  });
}

TEST_CASE("faults of file operations come as -errno", "[engine][real_fd]") {
  wring::testing::run([]() -> task<> {
    std::string nowhere = "/nonexistent/file";
    const int opened = co_await any_operation(op_code::open, AT_FDCWD, nowhere.data(), 0, O_RDONLY);
    CHECK(opened == -ENOENT);
    std::array<char, 4> buffer{};
    const int read = co_await any_operation(op_code::read, 1 << 20, buffer.data(), buffer.size());
    CHECK(read == -EBADF);
    const int polled = co_await any_operation(op_code::poll, 1 << 20, nullptr, 0, POLLIN);
    CHECK(polled == -EBADF);
  });
}

TEST_CASE("a read of a pipe that has nothing is cancelled and takes nothing", "[engine][real_fd]") {
  wring::testing::run([]() -> task<> {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    std::array<char, 4> buffer{};
    const auto read = co_await move_on_after(
        1ms, any_operation(op_code::read, ends[0], buffer.data(), buffer.size(), 0, static_cast<std::uint64_t>(-1)));
    CHECK_FALSE(read.has_value());
    REQUIRE(::write(ends[1], "abc", 3) == 3);
    const int later =
        co_await any_operation(op_code::read, ends[0], buffer.data(), buffer.size(), 0, static_cast<std::uint64_t>(-1));
    CHECK(later == 3);
    ::close(ends[0]);
    ::close(ends[1]);
  });
}

TEST_CASE("an observer sees each operation submitted and completed", "[engine]") {
  struct counter : scheduler_observer {
    int submitted = 0;
    int completed = 0;
    void operation_submitted(const operation& op) noexcept override {
      if (op.code == op_code::sync) ++submitted;
    }
    void operation_completed(const operation& op, completion c) noexcept override {
      if (op.code == op_code::sync && !c.more()) ++completed;
    }
  };
  counter seen;
  wring::testing::run([&]() -> task<> {
    scheduler::current().observe(&seen);
    for (int i = 0; i != 3; ++i) {
      const int synced = co_await any_operation(op_code::sync, -1, nullptr, 0);
      CHECK(synced == -EBADF);
    }
    scheduler::current().observe(nullptr);
    const int unseen = co_await any_operation(op_code::sync, -1, nullptr, 0);
    CHECK(unseen == -EBADF);
  });
  CHECK(seen.submitted == 3);
  CHECK(seen.completed == 3);
}
