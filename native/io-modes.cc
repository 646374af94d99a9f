#include "io-modes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "file-descriptor.h"
#include "fuse-protocol.h"

namespace elastic {

int IoModes::Start(int device, const std::string& directory) {
  const FileDescriptor trial(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!trial.valid()) return errno;
  device_ = device;
  const int32_t id = OpenBacking(trial.number());
  if (id <= 0) return id == 0 ? EIO : -id;
  CloseBacking(id);
  started_ = true;
  return 0;
}

int32_t IoModes::Begin(uint64_t node, int file) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = modes_.find(node);
    if (found != modes_.end()) return Join(found->second, file);
    if (file == kNoFile || !started_) {
      modes_.emplace(node, Mode{kCached, 1});
      return kCached;
    }
  }
  const int32_t id = OpenBacking(file);
  int32_t result;
  {
    const std::lock_guard lock(mutex_);
    // Refused (no memory for one more): through us, as everywhere else.
    const auto [entry, isNew] = modes_.try_emplace(node, Mode{id > 0 ? id : kCached, 1});
    result = isNew ? entry->second.backingId : Join(entry->second, file);
  }
  if (id > 0 && result != id) CloseBacking(id);
  return result;
}

// With the mutex held.
int32_t IoModes::Join(Mode& mode, int file) {
  if (mode.backingId != kCached && file == kNoFile) return kImpossible;
  ++mode.opens;
  return mode.backingId;
}

void IoModes::End(uint64_t node) {
  int32_t id = kCached;
  {
    const std::lock_guard lock(mutex_);
    const auto found = modes_.find(node);
    if (found == modes_.end() || --found->second.opens > 0) return;
    id = found->second.backingId;
    modes_.erase(found);
  }
  if (id != kCached) CloseBacking(id);
}

IoModes::State IoModes::StateOf(uint64_t node) {
  const std::lock_guard lock(mutex_);
  const auto found = modes_.find(node);
  if (found == modes_.end()) return State::kClosed;
  return found->second.backingId == kCached ? State::kCached : State::kPassedThrough;
}

void IoModes::Clear() {
  Stop();
  const std::lock_guard lock(mutex_);
  modes_.clear();
}

// Answers an id > 0 or a negative errno.
int32_t IoModes::OpenBacking(int file) const {
  const fuse::BackingMap map{file, 0, 0};
  const int id = ::ioctl(device_, fuse::kBackingOpenIoctl, &map);
  return id < 0 ? -errno : id;
}

// Opens keep the file themselves; this gives only the number back, and cannot fail for one that was given.
void IoModes::CloseBacking(int32_t id) const {
  const auto number = static_cast<uint32_t>(id);
  [[maybe_unused]] const int result = ::ioctl(device_, fuse::kBackingCloseIoctl, &number);
}

}  // namespace elastic
