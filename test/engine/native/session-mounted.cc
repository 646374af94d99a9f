// Sessions on a real mount: an owner with a small filesystem in memory, which answers some requests late and in any order,
// changes things by itself and announces them; clients in another process; and every way in which a mount ends.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "session-memory.h"
#include "session-run.h"

namespace harness {

namespace {

using elastic::Record;
using elastic::Session;
using fuse::NoticeCode;
using fuse::Opcode;

constexpr size_t kMostLate = 24;

enum class End { kUnmounted, kStopped, kAbandoned, kForced, kClientsKilled };

class Owner {
 public:
  Owner(Chance& chance, Board& board, MountedCounts& counts, const std::string& cache, const std::string& folder)
      : chance_(chance), board_(board), counts_(counts), cache_(cache), folder_(folder), answersNatively_(chance.OneIn(2)) {}

  void Run(End end, double loadSeconds) {
    Mount();
    for (const Deadline deadline(loadSeconds); !deadline.Passed();) Step(true);
    CHECK(!ended_);
    switch (end) {
      case End::kUnmounted: EndGently(Board::kSettle, 0); break;
      case End::kClientsKilled:
        board_.phase = Board::kEnding;
        CHECK(::kill(clients_, SIGKILL) == 0);
        EndGently(Board::kEnding, SIGKILL);
        break;
      case End::kForced: EndByForce(); break;
      case End::kStopped: EndByStop(); break;
      case End::kAbandoned: Abandon(); break;
    }
  }

 private:
  void Mount() {
    // Before the device is open, so that only we have it.
    clients_ = StartClientsWhenMounted();
    elastic::FileDescriptor device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    CHECK(device.valid());
    const std::string options = "fd=" + std::to_string(device.number()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
    CHECK(::mount("harness", folder_.c_str(), "fuse.harness", MS_NOSUID | MS_NODEV, options.c_str()) == 0);
    session_ = std::make_shared<Session>(std::move(device), [bell = bell_] { bell->Ring(); });
    CHECK(session_->Start(2) == 0);
    for (const Deadline deadline(20); !initialised_; Step(false)) CHECK(!deadline.Passed());
    if (answersNatively_) {
      session_->StartAnswering({0, 0, 3600}, cache_, false);
      // An ordinary user may not, and the cache may lie where the kernel takes no file.
      if (memory_.agreedOnPassthrough() && session_->StartPassthrough() == 0) ++counts_.passthrough;
      KeepFolder();
    }
    const char go = 1;
    CHECK(::write(go_.number(), &go, 1) == 1);
  }

  pid_t StartClientsWhenMounted() {
    int ends[2];
    CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    go_ = elastic::FileDescriptor(ends[1]);
    const elastic::FileDescriptor wait(ends[0]);
    return StartClients(board_, folder_, chance_.Any(), wait.number());
  }

  void Step(bool changes) {
    bell_->Wait();
    TakeAll(*session_, [this](Taken taken) { Accept(std::move(taken)); });
    while (!late_.empty() && (late_.size() > kMostLate || chance_.OneIn(3))) AnswerOneLate();
    if (changes && chance_.OneIn(2)) Change();
  }

  void Accept(Taken taken) {
    if (taken.record.kind == Record::Kind::kEnd) ended_ = true;
    if (taken.record.kind == Record::Kind::kUsage) session_->usage().Take();
    if (taken.record.kind == Record::Kind::kInterrupt) {
      for (size_t index = 0; index < late_.size(); ++index) {
        if (late_[index].record.id != taken.record.id) continue;
        ++counts_.interrupts;
        std::swap(late_[index], late_.back());
        Sent(session_->ReplyError(taken.record.id, EINTR), late_.back().record);
        late_.pop_back();
        break;
      }
    }
    if (taken.record.kind != Record::Kind::kRequest) return;
    if (taken.record.id < 0) {
      session_->ReleaseSlot(taken.record.slot);
    } else if (taken.header().opcode == Opcode::kInit) {
      initialised_ = true;
      Answer(taken);
    } else if (board_.phase != Board::kSettle && chance_.OneIn(IsSlow(taken) ? 2 : 6)) {
      late_.push_back(std::move(taken));
    } else {
      Answer(taken);
    }
  }

  // A read that is unanswered holds back the notice that its file has changed.
  bool IsSlow(const Taken& taken) const { return taken.header().opcode == Opcode::kRead && memory_.IsSteady(InoOf(taken.header().nodeId)); }

  void AnswerOneLate() {
    std::swap(late_[chance_.Below(late_.size())], late_.back());
    const Taken taken = std::move(late_.back());
    late_.pop_back();
    Answer(taken);
  }

  void Answer(const Taken& taken) {
    Answered answered = memory_.Answer(taken);
    // As JavaScript does: what native code knows changes before anybody is answered.
    if (answersNatively_ && initialised_) session_->answers().Apply(answered.changed, answered.edits);
    const uint64_t handle = answered.openOffset ? Claim(answered) : 0;
    if (taken.header().opcode == Opcode::kRelease) session_->files().Unclaim(taken.body<fuse::HandleIn>().handle);
    const int result = answered.error == 0 ? session_->ReplyData(taken.record.id, answered.data) : session_->ReplyError(taken.record.id, answered.error);
    if (result != 0 && handle != 0) session_->files().Unclaim(handle);  // no RELEASE will come
    Sent(result, taken.record);
    if (chance_.OneIn(16)) CHECK(session_->ReplyError(taken.record.id, EIO) == ENOENT);
  }

  // All opens of one node agree on how the kernel reads it (native/io-modes.h). Answers the handle.
  uint64_t Claim(Answered& answered) {
    auto opened = At<fuse::OpenOut>(answered.data, *answered.openOffset);
    auto& files = session_->files();
    int32_t backing = files.Claim(opened.handle, answered.node, 0);
    if (backing == elastic::IoModes::kImpossible) backing = files.Claim(opened.handle, answered.node, memory_.ContentOf(InoOf(answered.node)));
    CHECK(backing >= 0);
    if (backing != elastic::IoModes::kCached) opened = {opened.handle, fuse::kOpenPassthrough, backing};
    std::memcpy(answered.data.data() + *answered.openOffset, &opened, sizeof(opened));
    return opened.handle;
  }

  void Sent(int result, const Record& record) {
    // Until the end begins somebody waits for each.
    if (stopped_) CHECK(result == ENOENT);
    else if (result != 0 && board_.phase != Board::kEnding) {
      std::fprintf(stderr, "a reply was refused with errno %d\n", result);
      CHECK(result == 0);
    }
    if (result != 0) ++counts_.refused;
    session_->ReleaseSlot(record.slot);
  }

  // Rather one that is being read: its notice then has to wait.
  size_t FileToChange() {
    for (const Taken& taken : late_) {
      if (IsSlow(taken)) return memory_.SteadyFile(InoOf(taken.header().nodeId));
    }
    return chance_.Below(kSteadyFiles);
  }

  // Something changes that no request asked for, and is announced.
  void Change() {
    const auto notify = [this](NoticeCode code, uint64_t node, uint64_t child, int64_t offset, const std::string& name) {
      session_->Notify({code, node, child, offset, 0, chance_.OneIn(2), name});
      ++counts_.notices;
    };
    switch (chance_.Below(answersNatively_ ? 6 : 4)) {
      case 0:
      case 1: {
        const size_t file = FileToChange();
        const uint64_t ino = memory_.GrowSteady(file, ++board_.versions[file]);
        const uint64_t changed[] = {ino};
        session_->answers().Apply(changed, {});
        notify(NoticeCode::kInvalidateInode, NodeOf(ino), 0, 0, {});
        break;
      }
      case 2: {
        const Colleague did = memory_.ColleagueActs("o" + std::to_string(chance_.Below(6)));
        const elastic::NameEdit edits[] = {{1, did.appeared ? did.ino : 0, false, did.name}};
        session_->answers().Apply({}, edits);
        notify(did.appeared ? NoticeCode::kInvalidateEntry : NoticeCode::kDelete, 1, NodeOf(did.ino), 0, did.name);
        break;
      }
      case 3:
        // A storm about what has not changed.
        for (size_t file = 0; file < kFixedFiles; ++file) {
          notify(NoticeCode::kInvalidateEntry, 1, 0, 0, "n" + std::to_string(file));
          notify(NoticeCode::kInvalidateInode, NodeOf(memory_.FixedIno(file)), 0, chance_.OneIn(2) ? 0 : -1, {});
        }
        break;
      case 4:
        if (chance_.OneIn(4)) session_->answers().DropDirectory(1);
        KeepFolder();
        break;
      default: Evict(chance_.Below(kFixedFiles));
    }
  }

  void KeepFolder() {
    session_->answers().KeepDirectory(1, 1, true, memory_.Rows());
    for (size_t file = 0; file < kFixedFiles; ++file) Fetch(file);
  }

  std::string PathOf(size_t file) const { return cache_ + "/0" + std::to_string(file + 1) + "/" + std::to_string(file + 1); }

  // The file is whole in the cache, and may be opened there.
  void Fetch(size_t file) {
    ::mkdir(PathOf(file).substr(0, cache_.size() + 3).c_str(), 0700);
    const elastic::FileDescriptor cached(::open(PathOf(file).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::vector<std::byte>& bytes = memory_.BytesOf(memory_.FixedIno(file));
    CHECK(cached.valid() && ::pwrite(cached.number(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    const uint64_t ino = memory_.FixedIno(file);
    session_->answers().KeepItem(ino, NodeOf(ino), file + 1, true, {kFixedBytes, 40, 0, 0, 0644, 1});
  }

  void Evict(size_t file) {
    session_->answers().DropContent(file + 1);
    const bool isOpen = session_->files().IsOpen(file + 1) || session_->files().modes().StateOf(NodeOf(memory_.FixedIno(file))) == elastic::IoModes::State::kPassedThrough;
    if (!isOpen) CHECK(::unlink(PathOf(file).c_str()) == 0 || errno == ENOENT);
  }

  // ---- ends -----------------------------------------------------------------------------------------------------------

  void EndGently(Board::Phase phase, int signal) {
    board_.phase = phase;
    AwaitClients(signal);
    AwaitClosed();
    // Nobody waits for the replies to RELEASEDIR and to read-ahead, and the unmount does not either: the kernel forgets them.
    board_.phase = Board::kEnding;
    // A moment may pass until the last file of a killed process is closed.
    UnmountBeside(0);
    AwaitEnd();
    session_->Close();
    session_->StopAnswering();
  }

  // Every open was counted, and let go when its RELEASE came.
  void AwaitClosed() {
    const Deadline deadline(20);
    for (size_t file = 0; file < kFixedFiles; ++file) {
      while (session_->files().modes().StateOf(NodeOf(memory_.FixedIno(file))) != elastic::IoModes::State::kClosed) {
        CHECK(!deadline.Passed());
        Step(false);
      }
      CHECK(!session_->files().IsOpen(file + 1));
    }
  }

  void EndByForce() {
    board_.phase = Board::kEnding;
    UnmountBeside(MNT_FORCE | MNT_DETACH);
    AwaitEnd();
    session_->Close();
    session_->StopAnswering();
    AwaitClients(0);
  }

  void EndByStop() {
    board_.phase = Board::kEnding;
    if (chance_.OneIn(2)) session_->StopAnswering();
    session_->Stop(ENOTCONN);
    stopped_ = true;
    AwaitEnd();
    CHECK(::umount2(folder_.c_str(), MNT_DETACH) == 0);
    session_->StopAnswering();
    session_->Close();
    AwaitClients(0);
  }

  void Abandon() {
    board_.phase = Board::kEnding;
    session_->Abandon();
    session_.reset();  // its threads have it, and with them the device goes
    AwaitClients(0);
    CHECK(::umount2(folder_.c_str(), MNT_DETACH) == 0);
  }

  // The owner goes on answering meanwhile, as JavaScript does.
  void UnmountBeside(int flags) {
    std::atomic<bool> done{false};
    std::thread unmounting([this, flags, &done] {
      const Deadline deadline(20);
      int result;
      while ((result = ::umount2(folder_.c_str(), flags)) != 0 && errno == EBUSY && !deadline.Passed()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      CHECK(result == 0);
      done = true;
    });
    while (!done) Step(false);
    unmounting.join();
  }

  void AwaitEnd() {
    for (const Deadline deadline(20); !ended_; Step(false)) CHECK(!deadline.Passed());
    while (!late_.empty()) AnswerOneLate();
  }

  void AwaitClients(int signal) {
    const Deadline deadline(40);
    for (;;) {
      int status;
      const pid_t gone = ::waitpid(clients_, &status, WNOHANG);
      CHECK(gone >= 0);
      if (gone == clients_) {
        CHECK(signal == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status) && WTERMSIG(status) == signal);
        return;
      }
      CHECK(!deadline.Passed());  // stuck
      if (session_ != nullptr && !ended_) Step(false);
      else std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  Chance& chance_;
  Board& board_;
  MountedCounts& counts_;
  const std::string cache_;
  const std::string folder_;
  const bool answersNatively_;
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::shared_ptr<Session> session_;
  elastic::FileDescriptor go_;
  pid_t clients_ = 0;
  Memory memory_;
  std::vector<Taken> late_;
  bool initialised_ = false;
  bool stopped_ = false;
  bool ended_ = false;
};

}  // namespace

MountedCounts RunMountedSessions(Chance& chance, const Deadline& deadline, const std::string& cache, const std::string& folder) {
  void* shared = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  const Holdings before = HeldNow();
  MountedCounts counts;
  const End ends[] = {End::kUnmounted, End::kStopped, End::kAbandoned, End::kForced, End::kClientsKilled};
  for (; counts.rounds < std::size(ends) || !deadline.Passed(); ++counts.rounds) {
    Board& board = *new (shared) Board;
    Owner(chance, board, counts, cache, folder).Run(ends[counts.rounds % std::size(ends)], 0.2 + static_cast<double>(chance.Below(300)) / 1000);
    counts.calls += board.calls;
    counts.interrupted += board.interrupted;
    CheckNothingLeft(before);
  }
  ::munmap(shared, sizeof(Board));
  return counts;
}

}  // namespace harness
