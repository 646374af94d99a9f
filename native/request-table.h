// Every request the kernel waits on, from the moment it is read until its reply was written, and what each of them
// locks in the kernel meanwhile. The first half makes "exactly one reply" a fact: a request can be claimed once. The
// second half tells the notice queue which notices would block (fuse-engine.md fact 1).
//
// Not synchronised: its owner's mutex guards it.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fuse-protocol.h"

namespace elastic {

// What the kernel holds of a node while requests on it are unanswered. Counts of requests.
struct NodeLocks {
  uint32_t data = 0;       // READ, WRITE: pages are locked
  uint32_t directory = 0;  // LOOKUP, READDIR, CREATE, RENAME…: the directory's own lock, shared or exclusive
  uint32_t inode = 0;      // SETATTR, FSYNC, WRITE, xattr changes…: the node's own lock
  bool Free() const { return data == 0 && directory == 0 && inode == 0; }
};

// Names a request to TypeScript: row and generation in one double, so that a late answer never hits a later request.
using RequestId = double;

struct ClaimedRequest {
  uint64_t unique;
  uint32_t reader;
};

class RequestTable {
 public:
  // `second` is the other node of a RENAME or LINK, else 0.
  RequestId Add(const fuse::InHeader& header, uint64_t second, uint32_t reader);
  // The right to answer; nothing when the request was claimed or answered before.
  std::optional<ClaimedRequest> Claim(RequestId id);
  // The reply was written (or refused by the kernel). Answers the nodes whose locks went away.
  std::vector<uint64_t> Finish(RequestId id);
  // The unclaimed request with this kernel number.
  std::optional<RequestId> Find(uint64_t unique) const;
  std::vector<RequestId> Unclaimed() const;
  NodeLocks Locks(uint64_t nodeId) const;

 private:
  enum class State : uint8_t { kFree, kOpen, kClaimed };
  struct Row {
    uint64_t unique = 0;
    uint64_t nodes[2] = {0, 0};
    uint32_t generation = 0;
    uint32_t reader = 0;
    fuse::Opcode opcode{};
    State state = State::kFree;
  };

  Row* RowOf(RequestId id, State state);
  RequestId IdOf(size_t row) const;

  std::vector<Row> rows_;
  std::vector<uint32_t> freeRows_;
  // Only nodes with at least one lock.
  std::unordered_map<uint64_t, NodeLocks> locks_;
};

}  // namespace elastic
