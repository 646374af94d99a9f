// Rows are reused; the generation tells a late answer from a fresh one.
#include "request-table.h"

namespace elastic {

namespace {

constexpr uint64_t kRowBits = 20;  // a million requests at once; generations have the rest of a double's 53 bits
constexpr uint64_t kMaxRows = uint64_t{1} << kRowBits;

using fuse::Opcode;

// Which locks the kernel holds on the request's own node until the reply. From fs/fuse and the VFS: pages stay locked
// during READ and WRITE; i_rwsem of a directory is held during every operation on one of its names (shared for
// lookups and listings); notify_change, fsync, fallocate, write and xattr changes hold i_rwsem of the node itself.
NodeLocks LocksOf(Opcode opcode) {
  NodeLocks locks;
  switch (opcode) {
    case Opcode::kRead:
    case Opcode::kReadlink:  // with FUSE_CACHE_SYMLINKS
      locks.data = 1;
      break;
    case Opcode::kWrite:
      locks.data = 1;
      locks.inode = 1;
      break;
    case Opcode::kLookup:
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
    case Opcode::kCreate:
    case Opcode::kTmpfile:
    case Opcode::kMkdir:
    case Opcode::kMknod:
    case Opcode::kSymlink:
    case Opcode::kLink:
    case Opcode::kUnlink:
    case Opcode::kRmdir:
    case Opcode::kRename:
    case Opcode::kRename2:
      locks.directory = 1;
      break;
    case Opcode::kSetattr:
    case Opcode::kFsync:
    case Opcode::kFsyncdir:
    case Opcode::kFallocate:
    case Opcode::kCopyFileRange:
    case Opcode::kSetxattr:
    case Opcode::kRemovexattr:
      locks.inode = 1;
      break;
    default:
      break;
  }
  return locks;
}

// The second node: a new parent, or the node that LINK gives a second name.
NodeLocks SecondLocksOf(Opcode opcode) {
  NodeLocks locks;
  if (opcode == Opcode::kLink) {
    locks.inode = 1;
  } else {
    locks.directory = 1;
  }
  return locks;
}

}  // namespace

RequestId RequestTable::IdOf(size_t row) const {
  return static_cast<RequestId>((uint64_t{rows_[row].generation} << kRowBits) | row);
}

RequestTable::Row* RequestTable::RowOf(RequestId id, State state) {
  if (!(id >= 0 && id < 9007199254740992.0)) return nullptr;
  const auto bits = static_cast<uint64_t>(id);
  const uint64_t index = bits & (kMaxRows - 1);
  if (index >= rows_.size()) return nullptr;
  Row& row = rows_[index];
  return row.generation == bits >> kRowBits && row.state == state ? &row : nullptr;
}

RequestId RequestTable::Add(const fuse::InHeader& header, uint64_t second, uint32_t reader) {
  uint32_t index;
  if (freeRows_.empty()) {
    index = static_cast<uint32_t>(rows_.size());
    rows_.emplace_back();
  } else {
    index = freeRows_.back();
    freeRows_.pop_back();
  }
  Row& row = rows_[index];
  row.unique = header.unique;
  row.nodes[0] = header.nodeId;
  row.nodes[1] = second;
  row.reader = reader;
  row.opcode = header.opcode;
  row.state = State::kOpen;
  const NodeLocks own = LocksOf(row.opcode);
  if (!own.Free()) {
    NodeLocks& locks = locks_[row.nodes[0]];
    locks.data += own.data;
    locks.directory += own.directory;
    locks.inode += own.inode;
  }
  if (second != 0) {
    const NodeLocks other = SecondLocksOf(row.opcode);
    NodeLocks& locks = locks_[second];
    locks.directory += other.directory;
    locks.inode += other.inode;
  }
  return IdOf(index);
}

std::optional<ClaimedRequest> RequestTable::Claim(RequestId id) {
  Row* row = RowOf(id, State::kOpen);
  if (row == nullptr) return std::nullopt;
  row->state = State::kClaimed;
  return ClaimedRequest{row->unique, row->reader};
}

std::vector<uint64_t> RequestTable::Finish(RequestId id) {
  std::vector<uint64_t> unlocked;
  Row* row = RowOf(id, State::kClaimed);
  if (row == nullptr) return unlocked;
  const auto unlock = [&](uint64_t nodeId, const NodeLocks& held) {
    const auto found = locks_.find(nodeId);
    if (held.Free() || found == locks_.end()) return;
    found->second.data -= held.data;
    found->second.directory -= held.directory;
    found->second.inode -= held.inode;
    if (found->second.Free()) locks_.erase(found);
    unlocked.push_back(nodeId);
  };
  unlock(row->nodes[0], LocksOf(row->opcode));
  if (row->nodes[1] != 0) unlock(row->nodes[1], SecondLocksOf(row->opcode));
  row->state = State::kFree;
  ++row->generation;
  freeRows_.push_back(static_cast<uint32_t>(row - rows_.data()));
  return unlocked;
}

std::optional<RequestId> RequestTable::Find(uint64_t unique) const {
  // A scan: INTERRUPT is rare, and the table is as long as what waits.
  for (size_t index = 0; index < rows_.size(); ++index) {
    if (rows_[index].state == State::kOpen && rows_[index].unique == unique) return IdOf(index);
  }
  return std::nullopt;
}

std::vector<RequestId> RequestTable::Unclaimed() const {
  std::vector<RequestId> ids;
  for (size_t index = 0; index < rows_.size(); ++index) {
    if (rows_[index].state == State::kOpen) ids.push_back(IdOf(index));
  }
  return ids;
}

NodeLocks RequestTable::Locks(uint64_t nodeId) const {
  const auto found = locks_.find(nodeId);
  return found == locks_.end() ? NodeLocks{} : found->second;
}

}  // namespace elastic
