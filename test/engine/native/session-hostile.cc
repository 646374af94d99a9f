// A session whose device is a socket: requests of wrong lengths, unknown opcodes, wild nodes and numbers, INTERRUPTs of
// anything; an owner that answers in any order, twice, and what never was; stop and the owner's going away meanwhile.
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <limits>
#include <map>
#include <thread>

#include "session-run.h"

namespace harness {

namespace {

using elastic::Record;
using elastic::Session;
using fuse::Opcode;

constexpr size_t kMostWaiting = 64;

bool HasReply(uint32_t opcode) {
  return opcode != static_cast<uint32_t>(Opcode::kForget) && opcode != static_cast<uint32_t>(Opcode::kBatchForget) &&
         opcode != static_cast<uint32_t>(Opcode::kInterrupt) && opcode != static_cast<uint32_t>(Opcode::kNotifyReply);
}

class Kernel {
 public:
  Kernel(Chance& chance) : chance_(chance) {
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_) == 0);
    for (const int end : ends_) {
      const int bytes = 4 << 20;
      ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    }
  }
  ~Kernel() { ::close(ends_[1]); }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  int device() const { return ends_[0]; }

  void Send() {
    std::vector<std::byte> request = SomeRequest();
    if (::send(ends_[1], request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return;
    ++sent_;
    if (request.size() < sizeof(fuse::InHeader)) return;
    const auto header = At<fuse::InHeader>(request, 0);
    if (header.length == request.size() && HasReply(static_cast<uint32_t>(header.opcode))) ++waiting_[header.unique];
  }

  // Every reply is to a request that waits; an INTERRUPT may be asked for again.
  void TakeReplies() {
    for (;;) {
      const ssize_t length = ::recv(ends_[1], buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (length <= 0) return;
      const std::span<const std::byte> reply(buffer_.data(), static_cast<size_t>(length));
      const auto header = At<fuse::OutHeader>(reply, 0);
      CHECK(header.length == reply.size());
      if (header.error == -EAGAIN && reply.size() == sizeof(header) && (header.unique & fuse::kInterruptBit) != 0) continue;
      if (header.unique == 0 && header.error > 0) continue;  // a notice
      CHECK(header.error <= 0 && header.error > -512);
      const auto found = waiting_.find(header.unique);
      CHECK(found != waiting_.end());
      if (--found->second == 0) waiting_.erase(found);
    }
  }

  bool IsFull() const { return waiting_.size() >= kMostWaiting; }
  size_t waiting() const { return waiting_.size(); }
  size_t sent() const { return sent_; }

 private:
  std::vector<std::byte> SomeRequest() {
    const auto opcode = static_cast<Opcode>(chance_.OneIn(8) ? chance_.Any() : chance_.Below(56));
    const uint64_t node = chance_.OneIn(4) ? chance_.Any() : chance_.Below(20) * 65'536;
    // Even, as the kernel's are, and not 0: that is a notice.
    const uint64_t unique = opcode == Opcode::kInterrupt ? chance_.Any() & ~uint64_t{1} : 2 * ++lastUnique_;
    Request request(opcode, node, unique);
    if (opcode == Opcode::kInterrupt) request.Append(2 * (lastUnique_ - chance_.Below(std::min<uint64_t>(lastUnique_, 20) + 1)));
    const size_t most = chance_.OneIn(20) ? 1 << 17 : chance_.OneIn(4) ? 9000 : 80;
    std::string body(chance_.Below(most), '\0');
    for (size_t at = 0; at < std::min<size_t>(body.size(), 120); ++at) {
      body[at] = static_cast<char>(chance_.OneIn(3) ? chance_.Any() : chance_.Of<int>({0, 0, 1, 'a', '/', 0x7f}));
    }
    auto bytes = request.Append(body).Finish();
    if (chance_.OneIn(8)) {
      // A length that is not so.
      const auto length = static_cast<uint32_t>(chance_.OneIn(2) ? chance_.Any() : bytes.size() + chance_.Below(17) - 8);
      std::memcpy(bytes.data(), &length, sizeof(length));
    }
    if (chance_.OneIn(8)) bytes.resize(1 + chance_.Below(bytes.size()));
    return bytes;
  }

  Chance& chance_;
  int ends_[2];
  std::vector<std::byte> buffer_ = std::vector<std::byte>(2 << 20);
  std::map<uint64_t, uint32_t> waiting_;  // replies still to come, by the request's number
  uint64_t lastUnique_ = 0;
  size_t sent_ = 0;
};

double WildId(Chance& chance) {
  return chance.Of({-1.0, -0.5, 1e300, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                    static_cast<double>(chance.Any()), static_cast<double>(chance.Below(1 << 24)) + 1e9});
}

elastic::Notice SomeNotice(Chance& chance) {
  const auto code = chance.Of({fuse::NoticeCode::kInvalidateInode, fuse::NoticeCode::kInvalidateEntry, fuse::NoticeCode::kDelete});
  return {code, chance.Below(20) * 65'536, chance.Below(20) * 65'536, static_cast<int64_t>(chance.Below(3)) - 1, 0, chance.OneIn(2), std::string(chance.Below(300), 'n')};
}

// One session from its start to its end.
size_t RunOne(Chance& chance) {
  Kernel kernel(chance);
  const auto bell = std::make_shared<Bell>();
  auto session = std::make_shared<Session>(elastic::FileDescriptor(kernel.device()), [bell] { bell->Ring(); });
  CHECK(session->Start(2) == 0);
  if (chance.OneIn(2)) session->StartAnswering({1, 1, 3600}, "/nowhere", chance.OneIn(2));
  std::vector<Taken> waiting;
  bool ended = false;
  const auto take = [&] {
    TakeAll(*session, [&](Taken taken) {
      if (taken.record.kind == Record::Kind::kEnd) ended = true;
      if (taken.record.kind != Record::Kind::kRequest) return;
      CHECK(taken.header().length == taken.bytes.size());
      if (taken.record.id >= 0) waiting.push_back(std::move(taken));
      else session->ReleaseSlot(taken.record.slot);
    });
  };
  const auto answer = [&](int expected) {
    std::swap(waiting[chance.Below(waiting.size())], waiting.back());
    const Record record = waiting.back().record;
    waiting.pop_back();
    const std::vector<std::byte> data(chance.Below(200));
    const int result = chance.OneIn(2) ? session->ReplyData(record.id, data) : session->ReplyError(record.id, static_cast<int>(chance.Below(600)) - 20);
    CHECK(result == expected);
    if (chance.OneIn(4)) CHECK(session->ReplyError(record.id, EIO) == ENOENT);
    session->ReleaseSlot(record.slot);
  };

  for (int step = 0; step < 300; ++step) {
    for (uint64_t count = chance.Below(6); count > 0 && !kernel.IsFull(); --count) kernel.Send();
    take();
    while (!waiting.empty() && (kernel.IsFull() || chance.OneIn(2))) answer(0);
    if (chance.OneIn(3)) session->Notify(SomeNotice(chance));
    if (chance.OneIn(10)) {
      CHECK(session->ReplyError(WildId(chance), EIO) == ENOENT);
      CHECK(session->Slot(static_cast<uint32_t>(chance.Any() | 0x80000000)) == nullptr);
      session->ReleaseSlot(static_cast<uint32_t>(chance.Any() | 0x80000000));
    }
    kernel.TakeReplies();
    if (kernel.IsFull()) bell->Wait();
  }
  // In half of them all have their reply before the end comes.
  const bool settles = chance.OneIn(2);
  for (const Deadline deadline(20); settles && kernel.waiting() > 0; bell->Wait()) {
    CHECK(!deadline.Passed());
    take();
    while (!waiting.empty()) answer(0);
    kernel.TakeReplies();
  }
  if (chance.OneIn(3)) {
    session->Abandon();
    return kernel.sent();
  }
  if (chance.OneIn(2)) session->StopAnswering();
  session->Stop(ENOTCONN);
  for (const Deadline deadline(20); !ended; bell->Wait()) {
    CHECK(!deadline.Passed());
    take();
    while (!waiting.empty()) answer(ENOENT);
    kernel.TakeReplies();
  }
  session->Close();
  kernel.TakeReplies();
  return kernel.sent();
}

}  // namespace

size_t RunHostileSession(Chance& chance, const Deadline& deadline) {
  const Holdings before = HeldNow();
  size_t requests = 0;
  while (!deadline.Passed()) {
    requests += RunOne(chance);
    CheckNothingLeft(before);
  }
  return requests;
}

}  // namespace harness
