// Which folders and contents native answers used, for the watcher and for the order of eviction: reported at most once
// in a while for each, and handed over a batch at a time, so that neither a listing nor an idle machine pays for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace elastic {

struct Usage {
  std::vector<uint64_t> folders;   // inos
  std::vector<uint64_t> contents;
};

class UsageLog {
 public:
  // Each answers true when the owner should be woken: nobody looks at the log yet.
  bool NoteFolder(uint64_t ino, std::atomic<int64_t>& reportedMs);
  bool NoteContent(uint64_t content, std::atomic<int64_t>& reportedMs);
  // What came since the last call. After one that answers nothing the next note wakes again.
  Usage Take();

 private:
  static bool IsDue(std::atomic<int64_t>& reportedMs);
  bool Watched();

  std::mutex mutex_;
  Usage usage_;           // guarded by mutex_
  bool watched_ = false;  // guarded by mutex_: the owner will call Take again by itself
};

}  // namespace elastic
