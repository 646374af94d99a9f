// Answers requests on file bytes from the cache's own files, on the reader's thread: OPEN, READ, FLUSH and RELEASE of
// whole files that are opened for reading only, and READ and WRITE of handles that JavaScript gave and then attached to a
// file. JavaScript decides which file that is and, for writes, lends it: until it is recalled, and only up to the length
// for which room was reserved, bytes go straight to the file.
//
// Threads. `mutex_` guards all maps and counts and is never held across open, pread or pwrite; a file stays open as long
// as somebody uses it, through its shared_ptr. A reader may take it under its gate, never the other way round.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "answer-table.h"
#include "file-descriptor.h"
#include "fuse-protocol.h"
#include "io-modes.h"
#include "metadata-answers.h"
#include "usage-log.h"

namespace elastic {

// Handles that native code gave; JavaScript counts from 1 and never reaches it (src/engine/native-files.ts).
inline constexpr uint64_t kNativeHandles = uint64_t{1} << 50;

struct FileFigures {
  uint64_t sizeBytes;
  int64_t mtimeNs;
};

class FileAnswers {
 public:
  FileAnswers(AnswerTable& table, UsageLog& usage) : table_(table), usage_(usage) {}

  // Before the first request that is to be answered: the cache's directory, where content N lies at "xx/N".
  void SetDirectory(std::string directory) { directory_ = std::move(directory); }

  const std::string& directory() const { return directory_; }

  using Outcome = MetadataAnswers::Outcome;
  Outcome Answer(int device, size_t reader, std::span<const std::byte> request, std::span<std::byte> room);

  // ---- the owner's side: handles that JavaScript gave ----------------------------------------------------------------
  // How the kernel is to do input and output on a new handle: a backing id, IoModes::kCached or kImpossible. With a
  // content (0: none) all of it is in its file, and the kernel may have that.
  int32_t Claim(uint64_t handle, uint64_t node, uint64_t content);
  // The handle is released.
  void Unclaim(uint64_t handle);
  IoModes& modes() { return modes_; }
  // READ of the handle, and WRITE while the content is lent, go to the content's file. Answers 0 or an errno.
  int Attach(uint64_t handle, uint64_t content, bool writes);
  void Detach(uint64_t handle);
  // READ and WRITE of none of the content's handles any more. Blocks, as Detach of the last one, until writes under way
  // are in the file: a file that nobody is attached to does not change.
  void DetachContent(uint64_t content);
  // Attached handles may write below `endBytes`. False when no handle is attached.
  bool Lend(uint64_t content, uint64_t endBytes);
  // From now on they may not. Blocks until writes under way are in the file; answers how many there were since Lend.
  uint64_t Recall(uint64_t content);
  // Of the file of a content with attached or native handles.
  std::optional<FileFigures> Figures(uint64_t content);
  // Nobody reads or writes here any more.
  void CloseAll();
  // Whether somebody has the content open through native code alone.
  bool IsOpen(uint64_t content);

 private:
  struct File {
    FileDescriptor descriptor;
    uint64_t content = 0;
    uint64_t endBytes = 0;   // guarded by mutex_; 0: not lent
    uint32_t underWay = 0;   // guarded by mutex_: writes
    uint64_t writes = 0;     // guarded by mutex_: since the file was lent
    uint32_t handles = 0;    // guarded by mutex_: attached ones
  };
  struct Attached {
    std::shared_ptr<File> file;
    bool writes;
  };

  Outcome Open(int device, size_t reader, const fuse::InHeader& header, std::span<const std::byte> request);
  Outcome Read(int device, const fuse::InHeader& header, std::span<const std::byte> request, std::span<std::byte> room);
  Outcome Write(int device, const fuse::InHeader& header, std::span<const std::byte> request);
  void ReplyOpened(int device, const fuse::InHeader& header, uint64_t handle, int32_t backingId);
  Outcome Release(int device, const fuse::InHeader& header, uint64_t handle);
  std::shared_ptr<File> FileOf(uint64_t handle);
  std::shared_ptr<File> AttachedFile(uint64_t content);  // with mutex_ held
  void WaitForWrites(std::unique_lock<std::mutex>& lock, const File& file);
  std::string PathOf(uint64_t content) const;

  AnswerTable& table_;
  UsageLog& usage_;
  std::string directory_;
  IoModes modes_;

  std::mutex mutex_;
  std::unordered_map<uint64_t, std::shared_ptr<File>> opened_;     // guarded by mutex_: by native handle
  std::unordered_map<uint64_t, uint32_t> openContents_;            // guarded by mutex_: native handles of each content
  std::unordered_map<uint64_t, Attached> attached_;                // guarded by mutex_: by JavaScript's handle
  std::unordered_map<uint64_t, std::weak_ptr<File>> attachedFiles_;  // guarded by mutex_: by content
  std::unordered_map<uint64_t, uint64_t> claimed_;                 // guarded by mutex_: nodes by JavaScript's handle
  uint64_t lastHandle_ = kNativeHandles;                           // guarded by mutex_
  std::condition_variable writesEnded_;
};

}  // namespace elastic
