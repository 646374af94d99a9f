// Notices to the kernel, each held back while a request that could deadlock with it is unanswered (fuse-engine.md
// fact 1). A notice that may go stands in `ready_`; one that may not waits under the node that blocks it and is looked
// at again when that node's locks change.
//
// Not synchronised: its owner's mutex guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fuse-protocol.h"
#include "request-table.h"

namespace elastic {

struct Notice {
  fuse::NoticeCode code;
  uint64_t node;   // the inode, or the parent of the name
  uint64_t child;  // of a deletion: what the name stood for
  int64_t offset;  // of an inode notice; negative: attributes only
  int64_t length;
  bool expireOnly;  // of an entry notice: ask again instead of dropping
  std::string name;
};

class NoticeQueue {
 public:
  // The same notice twice in the queue is one.
  void Push(Notice notice);
  // The next notice that may be sent now. What may not is set aside.
  std::optional<Notice> Pop(const RequestTable& requests);
  // Some lock of the node went away. Answers whether there may be something to pop.
  bool Unlocked(uint64_t nodeId);
  bool MaybeReady() const { return !ready_.empty(); }
  void Clear();

 private:
  std::deque<Notice> ready_;
  std::unordered_map<uint64_t, std::vector<Notice>> held_;
  std::unordered_set<std::string> queued_;
};

}  // namespace elastic
