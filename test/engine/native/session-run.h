// The parts of the program `session`: a real `Session` with its threads, driven by an owner as JavaScript drives it, once
// with a socket for a device (hostile requests) and once mounted (clients in a process of their own). Each ends the process
// when something is not as it should be, and answers how much it did.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "harness.h"
#include "session.h"

namespace harness {

// Called by a session's threads with its mutex held; the owner waits for it.
class Bell {
 public:
  void Ring() {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_one();
  }
  // Until it rang since the last call, or a moment has passed.
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(1), [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;  // guarded by mutex_
};

// One request or other record of a batch, copied out of it; `bytes` are the request's.
struct Taken {
  elastic::Record record;
  std::vector<std::byte> bytes;

  fuse::InHeader header() const { return At<fuse::InHeader>(bytes, 0); }
  template <typename T>
  T body(size_t offset = 0) const { return At<T>(bytes, sizeof(fuse::InHeader) + offset); }
};

// Takes batches until none is left. Slots stay the request's until the owner releases them.
void TakeAll(elastic::Session& session, const std::function<void(Taken)>& each);

struct Holdings {
  size_t descriptors;
  size_t threads;
};
Holdings HeldNow();
// What a session that is gone has left. Detached threads leave a moment later, which nothing announces.
void CheckNothingLeft(const Holdings& before);

// In memory that the owner and its clients share.
inline constexpr size_t kSteadyFiles = 12;
struct Board {
  enum Phase : int { kLoad, kSettle, kEnding };
  std::atomic<int> phase{kLoad};
  std::atomic<uint64_t> calls{0};        // that the clients made
  std::atomic<uint64_t> interrupted{0};  // of them, that ended with EINTR
  std::array<std::atomic<uint64_t>, kSteadyFiles> versions{};  // of each steady file
};

// What the clients read: files `n…` never change, a steady one (`sa`, `sb`…) has the number of its version at its start
// and grows by a byte with each.
inline constexpr uint64_t kSteadyBytes = 64;
inline constexpr size_t kFixedFiles = 4;
// Large enough to be given to the kernel where it takes files (native/io-modes.h).
inline constexpr size_t kFixedBytes = 200'000;
inline std::string SteadyName(size_t file) { return {'s', static_cast<char>('a' + file)}; }
inline std::byte FixedByte(size_t file, size_t at) { return static_cast<std::byte>(file * 31 + at * 7 + at / 251); }

// Forks them. From a byte in `go` on they use the folder until the board says that it ends, and exit with 0 when they saw
// what they should.
pid_t StartClients(Board& board, const std::string& folder, uint64_t seed, int go);

size_t RunHostileSession(Chance& chance, const Deadline& deadline);

struct MountedCounts {
  size_t rounds = 0;
  uint64_t calls = 0;
  uint64_t interrupted = 0;
  uint64_t interrupts = 0;  // of those, that arrived here while the request waited
  uint64_t notices = 0;
  uint64_t refused = 0;     // late answers after the end began
  size_t passthrough = 0;   // rounds in which files were given to the kernel
};
// `cache` is an empty folder for the cache's files, `folder` an empty one to mount at.
MountedCounts RunMountedSessions(Chance& chance, const Deadline& deadline, const std::string& cache, const std::string& folder);

}  // namespace harness
