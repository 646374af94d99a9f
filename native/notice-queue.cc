// What blocks which notice. Sources: fs/fuse/dir.c fuse_reverse_inval_entry, fs/fuse/inode.c fuse_reverse_inval_inode.
#include "notice-queue.h"

namespace elastic {

namespace {

// The node whose unanswered requests would make this notice block, or 0.
uint64_t BlockingNode(const Notice& notice, const RequestTable& requests) {
  const NodeLocks own = requests.Locks(notice.node);
  if (notice.code == fuse::NoticeCode::kInvalidateInode) {
    // invalidate_inode_pages2 waits for locked pages; attributes alone take no lock.
    return notice.offset >= 0 && own.data != 0 ? notice.node : 0;
  }
  // The kernel takes i_rwsem of the parent, and for DELETE that of the child below it.
  if (own.directory != 0 || own.inode != 0) return notice.node;
  if (notice.code != fuse::NoticeCode::kDelete) return 0;
  const NodeLocks child = requests.Locks(notice.child);
  return child.directory != 0 || child.inode != 0 ? notice.child : 0;
}

std::string KeyOf(const Notice& notice) {
  const int64_t numbers[] = {static_cast<int64_t>(notice.code),  static_cast<int64_t>(notice.node),
                             static_cast<int64_t>(notice.child), notice.offset,
                             notice.length,                      notice.expireOnly ? 1 : 0};
  std::string key(reinterpret_cast<const char*>(numbers), sizeof(numbers));
  return key += notice.name;
}

}  // namespace

void NoticeQueue::Push(Notice notice) {
  if (queued_.insert(KeyOf(notice)).second) ready_.push_back(std::move(notice));
}

std::optional<Notice> NoticeQueue::Pop(const RequestTable& requests) {
  while (!ready_.empty()) {
    Notice notice = std::move(ready_.front());
    ready_.pop_front();
    const uint64_t blocking = BlockingNode(notice, requests);
    if (blocking == 0) {
      queued_.erase(KeyOf(notice));
      return notice;
    }
    held_[blocking].push_back(std::move(notice));
  }
  return std::nullopt;
}

bool NoticeQueue::Unlocked(uint64_t nodeId) {
  if (held_.empty()) return false;
  const auto found = held_.find(nodeId);
  if (found == held_.end()) return false;
  for (Notice& notice : found->second) ready_.push_back(std::move(notice));
  held_.erase(found);
  return true;
}

void NoticeQueue::Clear() {
  ready_.clear();
  held_.clear();
  queued_.clear();
}

}  // namespace elastic
