// What the threads of a session run: reading requests, taking INTERRUPT apart, sending notices.
#include <errno.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "session.h"

namespace elastic {

namespace {

using fuse::InHeader;
using fuse::Opcode;
using fuse::ReadAt;

// A request up to this size is copied into the batch, so that one that waits long holds no slot. TypeScript copies the
// data of so small a WRITE; a larger one keeps the slot.
constexpr size_t kInlineBytes = 8 * 1024;
constexpr size_t kRoomAlignment = 4096;

bool HasReply(Opcode opcode) {
  return opcode != Opcode::kForget && opcode != Opcode::kBatchForget && opcode != Opcode::kInterrupt &&
         opcode != Opcode::kNotifyReply;
}

bool IsAboutBytes(Opcode opcode) {
  return opcode == Opcode::kOpen || opcode == Opcode::kRead || opcode == Opcode::kWrite || opcode == Opcode::kFlush ||
         opcode == Opcode::kFsync || opcode == Opcode::kRelease;
}

uint64_t SecondNodeOf(Opcode opcode, std::span<const std::byte> request) {
  if (opcode != Opcode::kRename && opcode != Opcode::kRename2 && opcode != Opcode::kLink) return 0;
  fuse::SecondNode second{};
  ReadAt(request, sizeof(InHeader), second);
  return second.nodeId;
}

}  // namespace

void Session::ReadLoop(size_t reader) { Leave(ReadRequests(reader)); }

// Answers the errno that ended the connection, 0 after Stop.
int Session::ReadRequests(size_t reader) {
  const int device = devices_[reader].number();
  const FileDescriptor poll(::epoll_create1(EPOLL_CLOEXEC));
  if (!poll.valid()) return errno;
  // Exclusive: one request wakes one reader.
  epoll_event interest{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.fd = device}};
  if (::epoll_ctl(poll.number(), EPOLL_CTL_ADD, device, &interest) != 0) return errno;
  interest = {.events = EPOLLIN, .data = {.fd = stopEvent_.number()}};
  if (::epoll_ctl(poll.number(), EPOLL_CTL_ADD, stopEvent_.number(), &interest) != 0) return errno;

  uint32_t slot = SlotPool::kNone;
  Spin spin;
  int result = 0;
  for (;;) {
    std::shared_ptr<SlotMemory> memory;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && noticesLeft_) break;
      if (slot == SlotPool::kNone) slot = slots_.Acquire();
      if (slot != SlotPool::kNone) memory = slots_.Memory(slot);
    }
    if (memory == nullptr) {
      // No memory at all: requests stay in the kernel until some is free.
      ::usleep(10'000);
      continue;
    }
    const ssize_t received = ReadSoon(device, *memory, spin);
    if (received >= 0) {
      const size_t requestBytes = static_cast<size_t>(received);
      // What the request leaves free is where a native answer is made.
      const size_t roomStart = std::min((requestBytes + kRoomAlignment - 1) & ~(kRoomAlignment - 1), memory->size());
      Accept(reader, slot, {memory->data(), requestBytes}, {memory->data() + roomStart, memory->size() - roomStart});
      continue;
    }
    if (errno == EAGAIN) {
      epoll_event event;
      if (::epoll_wait(poll.number(), &event, 1, -1) < 0 && errno != EINTR) {
        result = errno;
        break;
      }
      spin.Woken();
      continue;
    }
    // ENOENT: the request was taken back before it was read.
    if (errno == EINTR || errno == ENOENT) continue;
    result = errno;
    break;
  }
  const std::lock_guard lock(mutex_);
  slots_.Release(slot);
  return result;
}

// One read, and if nothing is there yet, more for a moment while that has paid off lately and no other reader does it.
ssize_t Session::ReadSoon(int device, SlotMemory& memory, Spin& spin) {
  ssize_t received = ::read(device, memory.data(), memory.size());
  if (received >= 0) spin.Came();
  if (received >= 0 || errno != EAGAIN) return received;
  const auto deadline = spin.Deadline();
  if (deadline == Spin::Clock::time_point::min() || refusing_ || spinning_.exchange(true)) {
    errno = EAGAIN;
    return -1;
  }
  int failure;
  do {
    received = ::read(device, memory.data(), memory.size());
    failure = errno;
  } while (received < 0 && failure == EAGAIN && Spin::Clock::now() < deadline);
  spinning_ = false;
  received >= 0 ? spin.Came() : spin.InVain();
  errno = failure;
  return received;
}

// Takes over `slot` (and sets it to kNone) when the request stays in it.
void Session::Accept(size_t reader, uint32_t& slot, std::span<const std::byte> request, std::span<std::byte> room) {
  InHeader header;
  // The kernel sends whole requests; anything else cannot be answered, for want of a number.
  if (!ReadAt(request, 0, header) || header.length != request.size()) return;
  if (header.opcode == Opcode::kInterrupt) {
    AcceptInterrupt(request);
    return;
  }
  if (answering_.load(std::memory_order_acquire) && !refusing_ && AnswerNatively(reader, request, room)) return;
  const bool stays = request.size() > kInlineBytes;
  Record record{};
  record.kind = Record::Kind::kRequest;
  record.slot = stays ? slot : SlotPool::kNone;
  record.requestBytes = static_cast<uint32_t>(request.size());
  record.recordBytes = static_cast<uint32_t>((sizeof(Record) + (stays ? 0 : request.size()) + 7) & ~size_t{7});

  std::unique_lock lock(mutex_);
  record.id = HasReply(header.opcode) ? requests_.Add(header, SecondNodeOf(header.opcode, request), static_cast<uint32_t>(reader)) : -1;
  if (stopping_) {
    const int refusal = refusal_;
    lock.unlock();
    if (record.id >= 0) ReplyError(record.id, refusal);
    return;
  }
  if (stays) {
    Append(record, {});
    slot = SlotPool::kNone;
  } else {
    Append(record, request);
  }
  WakeOwner();
}

// Whether the request is done with. What is answered here never enters the request table: nothing waits for anybody, so
// a notice that meets it in the kernel waits for microseconds only.
bool Session::AnswerNatively(size_t reader, std::span<const std::byte> request, std::span<std::byte> room) {
  InHeader header;
  ReadAt(request, 0, header);
  if (header.opcode == Opcode::kForget || header.opcode == Opcode::kBatchForget) return !tellsForget_;
  const int device = devices_[reader].number();
  const auto outcome = IsAboutBytes(header.opcode) ? files_.Answer(device, reader, request, room) : metadata_.Answer(device, reader, request, room);
  if (outcome == MetadataAnswers::Outcome::kAnsweredAndWake) {
    const std::lock_guard lock(mutex_);
    Append({sizeof(Record), Record::Kind::kUsage, 0, SlotPool::kNone, 0}, {});
    WakeOwner();
  }
  return outcome != MetadataAnswers::Outcome::kAskJavaScript;
}

void Session::AcceptInterrupt(std::span<const std::byte> request) {
  fuse::InterruptIn interrupt{};
  if (!ReadAt(request, sizeof(InHeader), interrupt)) return;
  {
    const std::lock_guard lock(mutex_);
    if (const auto id = requests_.Find(interrupt.unique)) {
      Record record{};
      record.kind = Record::Kind::kInterrupt;
      record.id = *id;
      record.slot = SlotPool::kNone;
      record.recordBytes = sizeof(Record);
      Append(record, {});
      WakeOwner();
      return;
    }
  }
  // Answered already, or read by the other reader but not in the table yet. EAGAIN makes the kernel send the INTERRUPT
  // again if the request still waits; it looks for it on the device that the reply is written to, so try each.
  const fuse::OutHeader again{sizeof(fuse::OutHeader), -EAGAIN, interrupt.unique | fuse::kInterruptBit};
  for (const FileDescriptor& device : devices_) {
    if (::write(device.number(), &again, sizeof(again)) == static_cast<ssize_t>(sizeof(again))) return;
  }
}

void Session::NoticeLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto notice = notices_.Pop(requests_);
    if (!notice) {
      noticesChanged_.wait(lock, [this] { return stopping_ || notices_.MaybeReady(); });
      continue;
    }
    lock.unlock();
    SendNotice(*notice);
    lock.lock();
  }
  noticesLeft_ = true;
  LeaveAll();  // the readers look again
  lock.unlock();
  Leave(0);
}

void Session::SendNotice(const Notice& notice) {
  fuse::OutHeader header{0, static_cast<int32_t>(notice.code), 0};
  const fuse::InvalidateInodeOut inode{notice.node, notice.offset, notice.length};
  const auto nameLength = static_cast<uint32_t>(notice.name.size());
  const fuse::InvalidateEntryOut entry{notice.node, nameLength, notice.expireOnly ? fuse::kExpireOnly : 0};
  const fuse::DeleteOut deletion{notice.node, notice.child, nameLength, 0};

  iovec parts[3] = {{&header, sizeof(header)}, {}, {const_cast<char*>(notice.name.c_str()), notice.name.size() + 1}};
  int count = 3;
  const auto body = [&](const auto& out) { parts[1] = {const_cast<void*>(static_cast<const void*>(&out)), sizeof(out)}; };
  switch (notice.code) {
    case fuse::NoticeCode::kInvalidateInode:
      body(inode);
      count = 2;
      break;
    case fuse::NoticeCode::kInvalidateEntry:
      body(entry);
      break;
    case fuse::NoticeCode::kDelete:
      body(deletion);
      break;
  }
  for (int part = 0; part < count; ++part) header.length += static_cast<uint32_t>(parts[part].iov_len);
  // What the kernel does not hold needs no notice (ENOENT), and a directory with cached children is looked up again
  // all the same (ENOTEMPTY): no result is a failure. EINTR cannot come: this thread gets no signals that matter.
  [[maybe_unused]] const ssize_t written = ::writev(devices_[0].number(), parts, count);
}

void Session::Leave(int error) {
  const std::lock_guard lock(mutex_);
  if (endError_ == 0) endError_ = error;
  // One reader found the connection gone: the others go too.
  if (!stopping_) {
    refusal_ = ENOTCONN;
    LeaveAll();
  }
  if (--running_ > 0) return;
  Record record{};
  record.kind = Record::Kind::kEnd;
  record.id = endError_;
  record.slot = SlotPool::kNone;
  record.recordBytes = sizeof(Record);
  Append(record, {});
  WakeOwner();
}

}  // namespace elastic
