// How the kernel does input and output on each open node: through its page cache and our answers ("cached"), or straight
// on a file of the cache (passthrough, Linux 6.9). All opens of one node must agree, and all of them share one backing
// file: the kernel fails an open that differs with EIO. So every open is counted here before its reply is written, and
// let go when its RELEASE has come: the kernel's own counts are never ahead of these.
//
// Threads. `mutex_` guards the map and is never held across an ioctl.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace elastic {

class IoModes {
 public:
  static constexpr int32_t kCached = 0;
  static constexpr int32_t kImpossible = -1;
  static constexpr int kNoFile = -1;

  // INIT has agreed on passthrough: from now on files are given to the kernel, if it takes one of `directory`. Answers 0
  // or what the kernel has against it (EPERM: it wants CAP_SYS_ADMIN; ELOOP: the directory's file system is stacked).
  int Start(int device, const std::string& directory);
  // No file is given to the kernel any more.
  void Stop() { started_ = false; }
  bool started() const { return started_; }

  // One more open of the node, of a whole content with this file (kNoFile: of anything else). Answers the backing id for
  // the reply, kCached, or kImpossible (nothing counted): the node is open by passthrough, and this open cannot be.
  int32_t Begin(uint64_t node, int file);
  void End(uint64_t node);
  // How the node is open now; numbers as in src/engine/fuse-addon.ts.
  enum class State { kClosed = 0, kCached = 1, kPassedThrough = 2 };
  State StateOf(uint64_t node);
  void Clear();

 private:
  struct Mode {
    int32_t backingId;  // kCached or > 0
    uint32_t opens;
  };
  int32_t Join(Mode& mode, int file);
  int32_t OpenBacking(int file) const;
  void CloseBacking(int32_t id) const;

  int device_ = -1;  // set before started_
  std::atomic<bool> started_{false};
  std::mutex mutex_;
  std::unordered_map<uint64_t, Mode> modes_;  // guarded by mutex_: by node, each with opens > 0
};

}  // namespace elastic
