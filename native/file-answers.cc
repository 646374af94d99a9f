// Bytes between the kernel and files. A file is opened by its content's number alone, so no name leads anywhere else.
#include "file-answers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace elastic {

namespace {

using fuse::InHeader;
using fuse::Opcode;
using fuse::ReadAt;

constexpr uint64_t kFanOut = 256;  // src/cache/content-path.ts
// A smaller file is read in one request and then stands in the page cache; giving it to the kernel costs more than that.
constexpr uint64_t kSmallBytes = 128 * 1024;

// Answers how many bytes were read, fewer only at the end of the file, or a negative errno.
int64_t ReadFully(int file, std::span<std::byte> into, uint64_t offset) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(file, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return static_cast<int64_t>(done);
}

// Answers 0 or an errno.
int WriteFully(int file, std::span<const std::byte> from, uint64_t offset) {
  size_t done = 0;
  while (done < from.size()) {
    const ssize_t count = ::pwrite(file, from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    done += static_cast<size_t>(count);
  }
  return 0;
}

}  // namespace

FileAnswers::Outcome FileAnswers::Answer(int device, size_t reader, std::span<const std::byte> request, std::span<std::byte> room) {
  InHeader header;
  fuse::HandleIn handle{};
  if (!ReadAt(request, 0, header)) return Outcome::kAskJavaScript;
  switch (header.opcode) {
    case Opcode::kOpen:
      return Open(device, reader, header, request);
    case Opcode::kRead:
      return Read(device, header, request, room);
    case Opcode::kWrite:
      return Write(device, header, request);
    case Opcode::kFlush:
    case Opcode::kFsync:
      // Opened for reading only: there is nothing to make durable.
      if (!ReadAt(request, sizeof(header), handle) || handle.handle <= kNativeHandles) return Outcome::kAskJavaScript;
      WriteReply(device, header.unique, 0, {});
      return Outcome::kAnswered;
    case Opcode::kRelease:
      if (!ReadAt(request, sizeof(header), handle) || handle.handle <= kNativeHandles) return Outcome::kAskJavaScript;
      return Release(device, header, handle.handle);
    default:
      return Outcome::kAskJavaScript;
  }
}

FileAnswers::Outcome FileAnswers::Open(int device, size_t reader, const InHeader& header, std::span<const std::byte> request) {
  fuse::OpenIn in{};
  if (!ReadAt(request, sizeof(header), in) || (in.flags & O_ACCMODE) != O_RDONLY || (in.flags & O_TRUNC) != 0) return Outcome::kAskJavaScript;
  uint64_t content, sizeBytes, told;
  bool wake;
  {
    const std::lock_guard gate(table_.GateOf(reader));
    const KnownItem* item = table_.ItemOf(header.nodeId);
    if (item == nullptr || !item->known || !item->complete || item->content == 0 || item->isDirectory) return Outcome::kAskJavaScript;
    content = item->content;
    sizeBytes = item->attributes.sizeBytes;
    told = item->told;
    wake = usage_.NoteContent(content, item->reportedMs);
    const KnownDirectory* folder = table_.DirectoryByIno(item->parent);
    if (folder != nullptr) wake |= usage_.NoteFolder(folder->ino, folder->reportedMs);
  }
  auto file = std::make_shared<File>();
  file->content = content;
  file->descriptor = FileDescriptor(::open(PathOf(content).c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  // Gone, damaged from outside, or no descriptor left: JavaScript knows what to do.
  if (!file->descriptor.valid() || ::fstat(file->descriptor.number(), &found) != 0 || static_cast<uint64_t>(found.st_size) != sizeBytes) {
    return Outcome::kAskJavaScript;
  }
  const bool isSmall = sizeBytes < kSmallBytes && modes_.StateOf(header.nodeId) != IoModes::State::kPassedThrough;
  const int32_t backingId = modes_.Begin(header.nodeId, isSmall ? IoModes::kNoFile : file->descriptor.number());
  if (backingId == IoModes::kImpossible) return Outcome::kAskJavaScript;
  uint64_t handle;
  {
    // Had the content been evicted meanwhile, the file might be one that is being filled again, or the one before that.
    // Counted under the same gate: whoever takes the content from the table and then asks `IsOpen` finds this open, or
    // this finds the content gone.
    const std::lock_guard gate(table_.GateOf(reader));
    const KnownItem* item = table_.ItemOf(header.nodeId);
    if (item == nullptr || !item->known || item->told != told || item->content != content) {
      handle = 0;
    } else {
      const std::lock_guard lock(mutex_);
      handle = ++lastHandle_;
      opened_.emplace(handle, std::move(file));
      ++openContents_[content];
    }
  }
  if (handle == 0) {
    modes_.End(header.nodeId);
    return Outcome::kAskJavaScript;
  }
  ReplyOpened(device, header, handle, backingId);
  return wake ? Outcome::kAnsweredAndWake : Outcome::kAnswered;
}

void FileAnswers::ReplyOpened(int device, const InHeader& header, uint64_t handle, int32_t backingId) {
  const bool isCached = backingId == IoModes::kCached;
  const fuse::OpenOut out{handle, fuse::kOpenNoFlush | (isCached ? fuse::kOpenKeepCache : fuse::kOpenPassthrough), backingId};
  // Not taken by the kernel: nobody will release it.
  if (WriteReply(device, header.unique, 0, BytesOf(out)) != 0) Release(-1, header, handle);
}

FileAnswers::Outcome FileAnswers::Read(int device, const InHeader& header, std::span<const std::byte> request, std::span<std::byte> room) {
  fuse::ReadIn in{};
  if (!ReadAt(request, sizeof(header), in) || in.sizeBytes > room.size()) return Outcome::kAskJavaScript;
  const std::shared_ptr<File> file = FileOf(in.handle);
  if (file == nullptr) return Outcome::kAskJavaScript;
  const int64_t count = ReadFully(file->descriptor.number(), room.first(in.sizeBytes), in.offset);
  if (count < 0) {
    WriteReply(device, header.unique, EIO, {});
  } else {
    WriteReply(device, header.unique, 0, room.first(static_cast<size_t>(count)));
  }
  return Outcome::kAnswered;
}

FileAnswers::Outcome FileAnswers::Write(int device, const InHeader& header, std::span<const std::byte> request) {
  fuse::WriteIn in{};
  if (!ReadAt(request, sizeof(header), in) || (in.writeFlags & fuse::kWriteKillSetIds) != 0) return Outcome::kAskJavaScript;
  const auto data = request.subspan(sizeof(header) + sizeof(in));
  if (data.size() < in.sizeBytes) return Outcome::kAskJavaScript;
  std::shared_ptr<File> file;
  {
    const std::lock_guard lock(mutex_);
    const auto found = attached_.find(in.handle);
    if (found == attached_.end() || !found->second.writes) return Outcome::kAskJavaScript;
    file = found->second.file;
    if (in.offset > file->endBytes || in.sizeBytes > file->endBytes - in.offset) return Outcome::kAskJavaScript;
    ++file->underWay;
    ++file->writes;
  }
  const int error = WriteFully(file->descriptor.number(), data.first(in.sizeBytes), in.offset);
  {
    const std::lock_guard lock(mutex_);
    if (--file->underWay == 0) writesEnded_.notify_all();
  }
  // The disk failed or is full: JavaScript tries again and says it in its words.
  if (error != 0) return Outcome::kAskJavaScript;
  const fuse::WriteOut out{in.sizeBytes, 0};
  WriteReply(device, header.unique, 0, BytesOf(out));
  return Outcome::kAnswered;
}

// `device` -1: nobody waits for an answer.
FileAnswers::Outcome FileAnswers::Release(int device, const InHeader& header, uint64_t handle) {
  std::shared_ptr<File> file;  // closed after the lock is gone
  {
    const std::lock_guard lock(mutex_);
    const auto found = opened_.find(handle);
    if (found != opened_.end()) {
      file = std::move(found->second);
      opened_.erase(found);
      const auto count = openContents_.find(file->content);
      if (--count->second == 0) openContents_.erase(count);
    }
  }
  if (file != nullptr) modes_.End(header.nodeId);
  if (device >= 0) WriteReply(device, header.unique, 0, {});
  return Outcome::kAnswered;
}

std::shared_ptr<FileAnswers::File> FileAnswers::FileOf(uint64_t handle) {
  const std::lock_guard lock(mutex_);
  if (handle > kNativeHandles) {
    const auto found = opened_.find(handle);
    return found == opened_.end() ? nullptr : found->second;
  }
  const auto found = attached_.find(handle);
  return found == attached_.end() ? nullptr : found->second.file;
}

std::shared_ptr<FileAnswers::File> FileAnswers::AttachedFile(uint64_t content) {
  const auto found = attachedFiles_.find(content);
  return found == attachedFiles_.end() ? nullptr : found->second.lock();
}

std::string FileAnswers::PathOf(uint64_t content) const {
  std::array<char, 64> tail{};
  const int length = std::snprintf(tail.data(), tail.size(), "/%02llx/%llu", static_cast<unsigned long long>(content % kFanOut), static_cast<unsigned long long>(content));
  return directory_ + std::string(tail.data(), static_cast<size_t>(length));
}

int32_t FileAnswers::Claim(uint64_t handle, uint64_t node, uint64_t content) {
  FileDescriptor file;
  if (content != 0 && modes_.started()) file = FileDescriptor(::open(PathOf(content).c_str(), O_RDONLY | O_CLOEXEC));
  const int32_t backingId = modes_.Begin(node, file.valid() ? file.number() : IoModes::kNoFile);
  if (backingId == IoModes::kImpossible) return backingId;
  const std::lock_guard lock(mutex_);
  claimed_[handle] = node;
  return backingId;
}

void FileAnswers::Unclaim(uint64_t handle) {
  uint64_t node;
  {
    const std::lock_guard lock(mutex_);
    const auto found = claimed_.find(handle);
    if (found == claimed_.end()) return;
    node = found->second;
    claimed_.erase(found);
  }
  modes_.End(node);
}

int FileAnswers::Attach(uint64_t handle, uint64_t content, bool writes) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<File> file = AttachedFile(content);
  if (file == nullptr) {
    file = std::make_shared<File>();
    file->content = content;
    // The owner's thread; the file was just used, so its inode is in memory.
    file->descriptor = FileDescriptor(::open(PathOf(content).c_str(), O_RDWR | O_CLOEXEC));
    if (!file->descriptor.valid()) return errno;
    attachedFiles_[content] = file;
  }
  if (attached_.contains(handle)) return 0;
  ++file->handles;
  attached_[handle] = {std::move(file), writes};
  return 0;
}

void FileAnswers::Detach(uint64_t handle) {
  std::shared_ptr<File> file;  // closed after the lock is gone
  std::unique_lock lock(mutex_);
  const auto found = attached_.find(handle);
  if (found == attached_.end()) return;
  file = std::move(found->second.file);
  attached_.erase(found);
  if (--file->handles > 0) return;
  attachedFiles_.erase(file->content);
  WaitForWrites(lock, *file);
}

void FileAnswers::DetachContent(uint64_t content) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<File> file = AttachedFile(content);
  std::erase_if(attached_, [content](const auto& entry) { return entry.second.file->content == content; });
  attachedFiles_.erase(content);
  if (file != nullptr) WaitForWrites(lock, *file);
}

void FileAnswers::WaitForWrites(std::unique_lock<std::mutex>& lock, const File& file) {
  writesEnded_.wait(lock, [&file] { return file.underWay == 0; });
}

bool FileAnswers::Lend(uint64_t content, uint64_t endBytes) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<File> file = AttachedFile(content);
  if (file == nullptr) return false;
  file->endBytes = endBytes;
  file->writes = 0;
  return true;
}

uint64_t FileAnswers::Recall(uint64_t content) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<File> file = AttachedFile(content);
  if (file == nullptr) return 0;
  file->endBytes = 0;
  WaitForWrites(lock, *file);
  return file->writes;
}

std::optional<FileFigures> FileAnswers::Figures(uint64_t content) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<File> file = AttachedFile(content);
  if (file == nullptr && openContents_.contains(content)) {
    // Rare: a deleted file that only native handles still have open.
    for (const auto& [handle, opened] : opened_) {
      if (opened->content == content) file = opened;
    }
  }
  struct stat found {};
  if (file == nullptr || ::fstat(file->descriptor.number(), &found) != 0) return std::nullopt;
  return FileFigures{static_cast<uint64_t>(found.st_size), int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

void FileAnswers::CloseAll() {
  decltype(opened_) opened;  // closed after the lock is gone
  decltype(attached_) attached;
  modes_.Clear();
  const std::lock_guard lock(mutex_);
  opened.swap(opened_);
  attached.swap(attached_);
  claimed_.clear();
  openContents_.clear();
  attachedFiles_.clear();
}

bool FileAnswers::IsOpen(uint64_t content) {
  const std::lock_guard lock(mutex_);
  return openContents_.contains(content);
}

}  // namespace elastic
