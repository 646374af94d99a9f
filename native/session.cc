// The reply path, the inbox and the life of a session. The loops of the threads are in session-threads.cc.
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>

namespace elastic {

namespace {

constexpr size_t kKeptBatchBytes = 1 << 20;

int SetNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
}

// A second queue of the same connection, so that two readers do not share one lock in the kernel.
FileDescriptor CloneDevice(int device) {
  FileDescriptor clone(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  uint32_t number = static_cast<uint32_t>(device);
  if (clone.valid() && ::ioctl(clone.number(), fuse::kCloneIoctl, &number) != 0) clone.Close();
  return clone;
}

}  // namespace

Session::Session(FileDescriptor device, std::function<void()> wake) : metadata_(answers_, usage_), files_(answers_, usage_), wake_(std::move(wake)), slots_(fuse::kRequestBytes) {
  devices_.push_back(std::move(device));
}

Session::~Session() = default;

int Session::Start(size_t readers) {
  if (const int error = SetNonBlocking(devices_[0].number())) return error;
  stopEvent_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stopEvent_.valid()) return errno;
  while (devices_.size() < readers) {
    FileDescriptor clone = CloneDevice(devices_[0].number());
    if (!clone.valid()) break;  // one reader serves as well, only slower
    devices_.push_back(std::move(clone));
  }
  // Signals are the main thread's business; here they would only interrupt system calls.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = StartThreads();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

int Session::StartThreads() {
  running_ = devices_.size() + 1;
  try {
    for (size_t reader = 0; reader < devices_.size(); ++reader) {
      threads_.emplace_back([self = shared_from_this(), reader] { self->ReadLoop(reader); });
    }
    threads_.emplace_back([self = shared_from_this()] { self->NoticeLoop(); });
  } catch (const std::system_error& failure) {
    // Those that run leave by themselves; the caller abandons the session.
    const std::lock_guard lock(mutex_);
    noticesLeft_ = true;
    LeaveAll();
    return failure.code().value();
  }
  return 0;
}

size_t Session::TakeBatch(std::span<std::byte> batch) {
  if (outgoingOffset_ == outgoing_.size()) {
    outgoing_.clear();
    // A burst should not stay resident; these two vectors change places.
    if (outgoing_.capacity() > kKeptBatchBytes) outgoing_.shrink_to_fit();
    outgoingOffset_ = 0;
    const std::lock_guard lock(mutex_);
    if (inbox_.empty()) {
      awake_ = false;
      return 0;
    }
    std::swap(outgoing_, inbox_);
  }
  size_t taken = 0;
  while (outgoingOffset_ < outgoing_.size()) {
    Record record;
    std::memcpy(&record, outgoing_.data() + outgoingOffset_, sizeof(record));
    if (taken + record.recordBytes > batch.size()) break;
    std::memcpy(batch.data() + taken, outgoing_.data() + outgoingOffset_, record.recordBytes);
    taken += record.recordBytes;
    outgoingOffset_ += record.recordBytes;
  }
  return taken;
}

void Session::Append(const Record& record, std::span<const std::byte> bytes) {
  const size_t start = inbox_.size();
  inbox_.resize(start + record.recordBytes);
  std::memcpy(inbox_.data() + start, &record, sizeof(record));
  if (!bytes.empty()) std::memcpy(inbox_.data() + start + sizeof(record), bytes.data(), bytes.size());
}

void Session::WakeOwner() {
  if (awake_ || !wake_) return;
  awake_ = true;
  wake_();
}

std::shared_ptr<SlotMemory> Session::Slot(uint32_t slot) {
  const std::lock_guard lock(mutex_);
  return slots_.Memory(slot);
}

void Session::ReleaseSlot(uint32_t slot) {
  const std::lock_guard lock(mutex_);
  slots_.Release(slot);
}

int Session::ReplyError(RequestId id, int error) { return SendReply(id, error, {}); }

int Session::ReplyData(RequestId id, std::span<const std::byte> data) { return SendReply(id, 0, data); }

int Session::SendReply(RequestId id, int error, std::span<const std::byte> data) {
  ClaimedRequest request;
  {
    const std::lock_guard lock(mutex_);
    const auto claimed = requests_.Claim(id);
    if (!claimed) return ENOENT;
    request = *claimed;
  }
  // Outside this range the kernel refuses the reply and the request would never end.
  if (error < 0 || error > 511) error = EIO;
  const fuse::OutHeader header{static_cast<uint32_t>(sizeof(fuse::OutHeader) + data.size()), -error, request.unique};
  iovec parts[2] = {{const_cast<fuse::OutHeader*>(&header), sizeof(header)},
                    {const_cast<std::byte*>(data.data()), data.size()}};
  // None are left after Close: the connection is gone, and the write fails as it should.
  const int device = request.reader < devices_.size() ? devices_[request.reader].number() : -1;
  ssize_t written;
  do {
    written = ::writev(device, parts, data.empty() ? 1 : 2);
  } while (written < 0 && errno == EINTR);
  const int failure = written < 0 ? errno : 0;

  // Only now do the kernel's locks go, so only now may the notices go that they held back.
  const std::lock_guard lock(mutex_);
  bool ready = false;
  for (const uint64_t nodeId : requests_.Finish(id)) ready |= notices_.Unlocked(nodeId);
  if (ready) noticesChanged_.notify_one();
  return failure;
}

void Session::Notify(Notice notice) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  notices_.Push(std::move(notice));
  noticesChanged_.notify_one();
}

void Session::StartAnswering(const AnswerTerms& terms, std::string cacheDirectory, bool tellsForget) {
  metadata_.SetTerms(terms);
  files_.SetDirectory(std::move(cacheDirectory));
  tellsForget_ = tellsForget;
  answering_.store(true, std::memory_order_release);
}

int Session::StartPassthrough() { return files_.modes().Start(devices_[0].number(), files_.directory()); }

void Session::StopAnswering() {
  answering_ = false;
  answers_.Clear();
  files_.CloseAll();
}

void Session::Stop(int error) {
  std::vector<RequestId> open;
  {
    const std::lock_guard lock(mutex_);
    refusal_ = error;
    open = requests_.Unclaimed();
    LeaveAll();
  }
  for (const RequestId id : open) ReplyError(id, error);
}

// With the mutex held.
void Session::LeaveAll() {
  stopping_ = true;
  refusing_ = true;
  notices_.Clear();
  noticesChanged_.notify_all();
  const uint64_t one = 1;
  // Cannot fail but when the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(stopEvent_.number(), &one, sizeof(one));
}

void Session::Close() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  files_.modes().Clear();  // it has the device's number
  devices_.clear();
  // Not when JavaScript's collector comes to it: a mount that has ended keeps no descriptor and no memory worth naming.
  stopEvent_.Close();
  const std::lock_guard lock(mutex_);
  slots_.Clear();
}

void Session::Abandon() {
  {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
  }
  if (threads_.empty()) return;
  Stop(EIO);
  // They own the session through their shared_ptr and may be inside the kernel for as long as it likes.
  for (std::thread& thread : threads_) thread.detach();
  threads_.clear();
}

}  // namespace elastic
