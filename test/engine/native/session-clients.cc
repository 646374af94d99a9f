// What uses the mount, in a process of its own: one that waits for its own mount could not even be killed. Each thread
// checks what it reads; a signal now and then interrupts whatever waits.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "session-run.h"

namespace harness {

namespace {

// Nothing but the size: after a read the kernel asks again for the times, and would hear of a size it was not told.
int SizeOf(int file, uint64_t& size) {
  struct statx found {};
  const int result = ::statx(file, "", AT_EMPTY_PATH, STATX_SIZE, &found);
  size = found.stx_size;
  return result;
}

class Client {
 public:
  Client(Board& board, const std::string& folder, uint64_t seed, int number) : board_(board), folder_(folder), chance_(seed), number_(number) {}

  void Run() {
    while (board_.phase == Board::kLoad && !gone_) {
      switch (chance_.Below(7)) {
        case 0: List(); break;
        case 1: ReadFixed(); break;
        case 2:
        case 3: ReadSteady(); break;
        case 4: Write(); break;
        case 5: Rename(); break;
        default: Stat("o" + std::to_string(chance_.Below(6)), true);
      }
    }
  }

 private:
  // Whether the call succeeded. It may be interrupted, and once the end has begun it may fail in any way.
  bool Went(long result, bool mayBeAbsent = false) {
    const int failure = errno;
    ++board_.calls;
    if (result >= 0) return true;
    if (failure == EINTR) {
      ++board_.interrupted;
      return false;
    }
    if (mayBeAbsent && failure == ENOENT) return false;
    if (board_.phase != Board::kEnding) {
      std::fprintf(stderr, "a call failed with errno %d\n", failure);
      std::abort();
    }
    gone_ = true;
    return false;
  }

  std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }

  void Stat(const std::string& name, bool mayBeAbsent) {
    struct stat found {};
    Went(::stat(PathOf(name).c_str(), &found), mayBeAbsent);
  }

  void List() {
    const elastic::FileDescriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!Went(folder.number())) return;
    std::vector<std::byte> entries(chance_.OneIn(2) ? 300 : 30'000);
    bool steadySeen = false;
    for (;;) {
      const ssize_t length = ::getdents64(folder.number(), entries.data(), entries.size());
      if (!Went(length)) return;
      if (length == 0) break;
      for (ssize_t at = 0; at < length;) {
        const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
        steadySeen |= std::string_view(entry->d_name) == SteadyName(0);
        at += entry->d_reclen;
      }
    }
    CHECK(steadySeen);
  }

  void ReadFixed() {
    const size_t file = chance_.Below(kFixedFiles);
    const elastic::FileDescriptor opened(::open(PathOf("n" + std::to_string(file)).c_str(), O_RDONLY | O_CLOEXEC));
    if (!Went(opened.number())) return;
    std::vector<std::byte> bytes(20'000);
    const size_t start = chance_.Below(kFixedBytes);
    const ssize_t length = ::pread(opened.number(), bytes.data(), bytes.size(), static_cast<off_t>(start));
    if (!Went(length)) return;
    CHECK(length > 0);
    for (ssize_t at = 0; at < length; ++at) CHECK(bytes[at] == FixedByte(file, start + at));
  }

  void ReadSteady() {
    const size_t file = chance_.Below(kSteadyFiles);
    const elastic::FileDescriptor opened(::open(PathOf(SteadyName(file)).c_str(), O_RDONLY | O_CLOEXEC));
    if (!Went(opened.number())) return;
    uint64_t size = 0;
    if (!Went(SizeOf(opened.number(), size))) return;
    // One thread never sees an older size than it has seen.
    CHECK(size >= seenSizes_[file] && size <= kSteadyBytes + board_.versions[file]);
    seenSizes_[file] = size;
    uint64_t version;
    if (Went(::pread(opened.number(), &version, sizeof(version), 0))) CHECK(version <= board_.versions[file]);
  }

  void Write() {
    const std::string name = "w" + std::to_string(number_);
    const elastic::FileDescriptor opened(::open(PathOf(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!Went(opened.number())) return;
    // Larger than what is copied into the inbox, and smaller.
    const std::vector<std::byte> bytes(chance_.OneIn(2) ? 1 + chance_.Below(150'000) : 1 + chance_.Below(4000), static_cast<std::byte>(chance_.Any()));
    const auto start = static_cast<off_t>(chance_.Below(100'000));
    const ssize_t written = ::pwrite(opened.number(), bytes.data(), bytes.size(), start);
    if (!Went(written)) return;
    std::vector<std::byte> found(static_cast<size_t>(written));
    const ssize_t length = ::pread(opened.number(), found.data(), found.size(), start);
    if (!Went(length)) return;
    CHECK(length > 0 && std::equal(found.begin(), found.begin() + length, bytes.begin()));
    if (chance_.OneIn(4)) Went(::ftruncate(opened.number(), static_cast<off_t>(chance_.Below(200'000))));
    if (chance_.OneIn(4)) Went(::fsync(opened.number()));
  }

  void Rename() {
    const std::string from = "x" + std::to_string(number_), to = "y" + std::to_string(number_);
    const elastic::FileDescriptor made(::open(PathOf(from).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!Went(made.number())) return;
    // Interrupted, it may have happened all the same: what is absent then is no failure.
    Went(::rename(PathOf(from).c_str(), PathOf(to).c_str()), true);
    Went(::unlink(PathOf(to).c_str()), true);
  }

  Board& board_;
  const std::string folder_;
  Chance chance_;
  const int number_;
  std::array<uint64_t, kSteadyFiles> seenSizes_{};
  bool gone_ = false;
};

// Of everything that was announced, the newest is seen in the end: no notice was lost.
void CheckSettled(uint64_t version, const std::string& path) {
  for (const Deadline deadline(20);;) {
    uint64_t size = 0, first = 0;
    const elastic::FileDescriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const bool isRead = opened.valid() && SizeOf(opened.number(), size) == 0 && ::pread(opened.number(), &first, sizeof(first), 0) == sizeof(first);
    if (isRead && size == kSteadyBytes + version && first == version) return;
    if (deadline.Passed()) {
      std::fprintf(stderr, "a change of %s is not seen: version %llu, size %llu, bytes of %llu\n", path.c_str(), static_cast<unsigned long long>(version), static_cast<unsigned long long>(size), static_cast<unsigned long long>(first));
      std::abort();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Interrupted(int) {}

constexpr int kClients = 4;

}  // namespace

pid_t StartClients(Board& board, const std::string& folder, uint64_t seed, int go) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  struct sigaction action {};
  action.sa_handler = Interrupted;  // without SA_RESTART: the call ends
  CHECK(::sigaction(SIGUSR1, &action, nullptr) == 0);
  char byte;
  CHECK(::read(go, &byte, 1) == 1);
  std::vector<std::thread> threads;
  std::atomic<int> running{kClients};
  for (int number = 0; number < kClients; ++number) {
    threads.emplace_back([&board, &running, folder, seed, number] {
      Client(board, folder, seed + static_cast<uint64_t>(number), number).Run();
      --running;
    });
  }
  Chance chance(seed);
  while (running > 0) {
    ::pthread_kill(threads[chance.Below(kClients)].native_handle(), SIGUSR1);
    std::this_thread::sleep_for(std::chrono::microseconds(200 + chance.Below(2000)));
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t file = 0; board.phase == Board::kSettle && file < kSteadyFiles; ++file) CheckSettled(board.versions[file], folder + "/" + SteadyName(file));
  // Without what ends a sanitizer: the parent's memory is here as well.
  ::_exit(0);
}

}  // namespace harness
