// race SEED SECONDS DIRECTORY: two readers answer while an owner changes what they answer from, as a session's threads do
// (native/session.h). Built with the thread sanitizer by ../native-harness.test.ts, and checks besides what a race would
// break: no answer older than a change that was over, no write after a recall, nothing evicted while it is open.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <thread>

#include "file-answers.h"
#include "harness.h"
#include "metadata-answers.h"

namespace {

using namespace harness;
using elastic::MetadataAnswers;
using fuse::Opcode;

constexpr uint64_t kReadContents = 4;    // 1 to 4: opened by readers, evicted by the owner
constexpr uint64_t kWriteContent = 5;
constexpr uint64_t kWriteHandle = 77;
constexpr uint64_t kLentBytes = 40'000;
constexpr uint64_t kFolderIno = 2;
constexpr uint64_t kSteadyIno = 20;      // its size only grows

uint64_t NodeOf(uint64_t ino) { return ino * 65'536; }

struct Shared {
  explicit Shared(std::string folder) : directory(std::move(folder)), metadata(table, usage), files(table, usage) {
    files.SetDirectory(directory);
    metadata.SetTerms({1, 1, 3600});
  }

  std::string PathOf(uint64_t content) const {
    char path[64];
    std::snprintf(path, sizeof(path), "/%02llx/%llu", static_cast<unsigned long long>(content % 256), static_cast<unsigned long long>(content));
    return directory + path;
  }

  const std::string directory;
  elastic::AnswerTable table;
  elastic::UsageLog usage;
  MetadataAnswers metadata;
  elastic::FileAnswers files;
  std::atomic<uint64_t> steadySize{0};  // told to the table before
  std::atomic<uint64_t> answered{0};
  std::atomic<bool> ending{false};  // what is open is closed
  std::atomic<bool> over{false};
};

uint64_t FirstNumberOf(const std::string& path) {
  const elastic::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  uint64_t number = 0;
  return file.valid() && ::pread(file.number(), &number, sizeof(number), 0) == sizeof(number) ? number : 0;
}

class Reader {
 public:
  Reader(Shared& shared, size_t number, uint64_t seed) : shared_(shared), number_(number), chance_(seed) {}

  void Run() {
    while (!shared_.over) {
      if (chance_.OneIn(8)) std::this_thread::yield();  // a lock is not fair: the owner should have its turns
      switch (chance_.Below(6)) {
        case 0: AskSteady(); break;
        case 1:
        case 2: OpenAndRead(); break;
        case 3: Write(); break;
        case 4: Ask(Request(chance_.OneIn(2) ? Opcode::kReaddirplus : Opcode::kOpendir, NodeOf(kFolderIno), 1).Append(fuse::ReadIn{0, 0, 65'536, 0, 0, 0, 0}).Finish(), 65'536); break;
        default: Ask(Request(Opcode::kLookup, NodeOf(kFolderIno), 1).Append(std::string(1, static_cast<char>('a' + chance_.Below(8))) + '\0').Finish());
      }
    }
  }

 private:
  // The reply, or nothing when JavaScript is asked.
  std::vector<std::byte> Ask(const std::vector<std::byte>& request, size_t sizeBytes = 0) {
    fuse::InHeader header;
    std::memcpy(&header, request.data(), sizeof(header));
    const bool aboutBytes = header.opcode == Opcode::kOpen || header.opcode == Opcode::kRead || header.opcode == Opcode::kWrite || header.opcode == Opcode::kRelease;
    const auto outcome = aboutBytes ? shared_.files.Answer(device_.device(), number_, request, room_) : shared_.metadata.Answer(device_.device(), number_, request, room_);
    const auto replies = device_.Take();
    CHECK(replies.size() == (outcome == MetadataAnswers::Outcome::kAskJavaScript ? 0u : 1u));
    if (replies.empty()) return {};
    ++shared_.answered;
    CheckReply(replies[0], header, sizeBytes);
    return replies[0];
  }

  void AskSteady() {
    const uint64_t floor = shared_.steadySize;
    const auto reply = Ask(Request(Opcode::kGetattr, NodeOf(kSteadyIno), 1).Append(fuse::GetattrIn{}).Finish());
    if (!reply.empty()) CHECK(At<fuse::AttrOut>(reply, sizeof(fuse::OutHeader)).attr.sizeBytes >= floor);
  }

  void OpenAndRead() {
    const uint64_t content = 1 + chance_.Below(kReadContents);
    const auto opened = Ask(Request(Opcode::kOpen, NodeOf(content + 2), 1).Append(fuse::OpenIn{O_RDONLY, 0}).Finish());
    if (opened.empty()) return;
    const uint64_t handle = At<fuse::OpenOut>(opened, sizeof(fuse::OutHeader)).handle;
    const auto bytes = Ask(Request(Opcode::kRead, NodeOf(content + 2), 1).Append(fuse::ReadIn{handle, 0, 8, 0, 0, 0, 0}).Finish(), 8);
    // The file that is open is the one that its name leads to: it was not evicted.
    if (bytes.empty()) {
      CHECK(shared_.ending);
      return;
    }
    CHECK(At<uint64_t>(bytes, sizeof(fuse::OutHeader)) == FirstNumberOf(shared_.PathOf(content)));
    CHECK(shared_.files.IsOpen(content) || shared_.ending);
    Ask(Request(Opcode::kRelease, NodeOf(content + 2), 1).Append(fuse::HandleIn{handle}).Finish());
  }

  void Write() {
    const uint64_t offset = chance_.Below(kLentBytes * 2);
    const auto size = static_cast<uint32_t>(1 + chance_.Below(3000));
    const auto reply = Ask(Request(Opcode::kWrite, NodeOf(9), 1).Append(fuse::WriteIn{kWriteHandle, offset, size, 0, 0, 0, 0}).Append(std::string(size, 'w')).Finish());
    if (!reply.empty()) CHECK(offset + size <= kLentBytes);
  }

  Shared& shared_;
  const size_t number_;
  Chance chance_;
  Device device_;
  std::vector<std::byte> room_ = std::vector<std::byte>(128 * 1024);
};

class Owner {
 public:
  Owner(Shared& shared, uint64_t seed) : shared_(shared), chance_(seed) {
    for (uint64_t content = 1; content <= kWriteContent; ++content) Fetch(content);
    KeepFolder();
  }

  void Step() {
    switch (chance_.Below(8)) {
      case 0: KeepFolder(); break;
      case 1: shared_.table.DropDirectory(kFolderIno); break;
      case 2:
      case 3: Evict(1 + chance_.Below(kReadContents)); break;
      case 4: Lend(); break;
      case 5: {
        const uint64_t changed[] = {3 + chance_.Below(6)};
        const elastic::NameEdit edits[] = {{kFolderIno, 0, false, "h"}, {kFolderIno, 30, false, "h"}};
        shared_.table.Apply(changed, edits);
        break;
      }
      case 6:
        if (chance_.OneIn(2)) shared_.files.Detach(kWriteHandle);
        else shared_.files.DetachContent(kWriteContent);
        break;
      default: GrowSteady(); shared_.usage.Take();
    }
  }

 private:
  void Fetch(uint64_t content) {
    ::mkdir(shared_.PathOf(content).substr(0, shared_.directory.size() + 3).c_str(), 0700);
    const elastic::FileDescriptor file(::open(shared_.PathOf(content).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const uint64_t number = ++lastNumber_;
    CHECK(file.valid() && ::pwrite(file.number(), &number, sizeof(number), 0) == sizeof(number));
  }

  void KeepFolder() {
    std::string rows;
    for (uint64_t content = 1; content <= kReadContents; ++content) {
      rows += std::to_string(content + 2) + " 0 0 420 8 0 0 " + std::to_string(content) + ' ' + static_cast<char>('a' + content) + '\0';
    }
    rows += std::to_string(kSteadyIno) + " 0 0 420 " + std::to_string(shared_.steadySize) + " 0 0 0 steady" + '\0';
    shared_.table.KeepDirectory(1, 1, true, std::string("2 0 1 493 0 0 0 0 folder"));
    for (const uint64_t ino : shared_.table.KeepDirectory(kFolderIno, NodeOf(kFolderIno), true, rows)) Tell(ino - 2);
  }

  void Tell(uint64_t content) { shared_.table.KeepItem(content + 2, NodeOf(content + 2), content, true, {8, 1, 0, 0, 0644, 1}); }

  // As the cache does it: nobody can open it any more, nobody has it open, the name goes.
  void Evict(uint64_t content) {
    shared_.table.DropContent(content);
    if (!shared_.files.IsOpen(content)) {
      CHECK(::unlink(shared_.PathOf(content).c_str()) == 0);
      Fetch(content);
    }
    Tell(content);
  }

  void Lend() {
    const bool attached = shared_.files.Attach(kWriteHandle, kWriteContent, true) == 0;
    CHECK(attached && shared_.files.Lend(kWriteContent, kLentBytes));
    for (uint64_t turns = chance_.Below(50); turns > 0; --turns) std::this_thread::yield();
    shared_.files.Recall(kWriteContent);
    const auto before = Facts();
    std::this_thread::yield();
    CHECK(before == Facts() && before[0] <= static_cast<int64_t>(kLentBytes));
  }

  std::array<int64_t, 3> Facts() const {
    struct stat found {};
    CHECK(::stat(shared_.PathOf(kWriteContent).c_str(), &found) == 0);
    return {found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
  }

  void GrowSteady() {
    const uint64_t size = shared_.steadySize + 1;
    elastic::KnownAttributes attributes;
    attributes.sizeBytes = size;
    shared_.table.KeepItem(kSteadyIno, NodeOf(kSteadyIno), 0, false, attributes);
    shared_.steadySize = size;
  }

  Shared& shared_;
  Chance chance_;
  uint64_t lastNumber_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  const uint64_t seed = std::strtoull(arguments[1], nullptr, 10);
  const Deadline deadline(std::strtod(arguments[2], nullptr));
  Shared shared(arguments[3]);
  Owner owner(shared, seed);
  std::vector<std::thread> threads;
  for (size_t number = 0; number < 2; ++number) {
    threads.emplace_back([&shared, number, seed] { Reader(shared, number, seed + 1 + number).Run(); });
  }
  size_t steps = 0;
  for (; !deadline.Passed(); ++steps) owner.Step();
  // As at the end of a mount, while the readers still ask.
  shared.ending = true;
  shared.table.Clear();
  shared.files.CloseAll();
  shared.over = true;
  for (std::thread& thread : threads) thread.join();
  std::printf("changes %zu\nanswers %llu\n", steps, static_cast<unsigned long long>(shared.answered));
}
