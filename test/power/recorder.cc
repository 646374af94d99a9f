// Loaded into a client's process (LD_PRELOAD): writes down in order what it does to the files below ELASTIC_DRIVE_RECORD_UNDER,
// with the bytes and the times that each file has afterwards, into the file ELASTIC_DRIVE_RECORD_LOG (format: recording.ts).
// One call at a time, so that the order of the log is the order on the disk. Syncs are written down, not carried out. What a
// process stores to mappings is not seen: of SQLite that is the -shm file alone, which a start makes anew.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <vector>

namespace {

enum Kind : uint8_t { kCreate = 1, kWrite, kTruncate, kSync, kDataSync, kSyncAll, kRename, kUnlink, kMakeFolder, kRemoveFolder, kTimes, kAllocate };

struct __attribute__((packed)) Head {
  uint8_t kind;
  uint64_t inode;
  int64_t offset;
  int64_t length;
  int64_t size;
  int64_t mtime;
  int64_t ctime;
  uint16_t path_length;
  uint16_t target_length;
  uint32_t data_length;
};

constexpr int kDescriptors = 65536;

struct State {
  std::mutex mutex;
  std::string under;
  int log = -1;
  bool known[kDescriptors] = {};

  State() {
    const char* root = getenv("ELASTIC_DRIVE_RECORD_UNDER");
    const char* path = getenv("ELASTIC_DRIVE_RECORD_LOG");
    if (root == nullptr || path == nullptr) return;
    under = std::string(root) + "/";
    using Open = int (*)(const char*, int, ...);
    log = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "open"))(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
};

State& state() {
  static State* const only = new State;  // other destructors may still write
  return *only;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool is_below(const char* path) {
  const std::string& under = state().under;
  return state().log >= 0 && path != nullptr && strncmp(path, under.c_str(), under.size()) == 0;
}

bool is_known(int fd) { return state().log >= 0 && fd >= 0 && fd < kDescriptors && state().known[fd]; }

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec; }

struct Event {
  Kind kind;
  int64_t offset = 0;
  int64_t length = 0;
  const char* path = nullptr;
  const char* target = nullptr;
  std::vector<iovec> data = {};
};

void append(const Event& event, const struct stat& found) {
  const std::string& under = state().under;
  auto relative = [&](const char* path) { return path == nullptr ? std::string() : std::string(path + under.size()); };
  const std::string path = relative(event.path), target = relative(event.target);
  uint32_t data_length = 0;
  for (const iovec& piece : event.data) data_length += static_cast<uint32_t>(piece.iov_len);
  Head head{event.kind, found.st_ino, event.offset, event.length, found.st_size, nanoseconds(found.st_mtim), nanoseconds(found.st_ctim),
            static_cast<uint16_t>(path.size()), static_cast<uint16_t>(target.size()), data_length};
  std::string line(reinterpret_cast<const char*>(&head), sizeof head);
  line += path + target;
  for (const iovec& piece : event.data) line.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  for (size_t done = 0; done < line.size();) {
    const ssize_t count = real(state().log, line.data() + done, line.size() - done);
    if (count < 0) abort();  // a log with a hole would prove nothing
    done += static_cast<size_t>(count);
  }
}

void append_of(int fd, const Event& event) {
  struct stat found = {};
  fstat(fd, &found);
  append(event, found);
}

void append_at(const char* path, const Event& event) {
  struct stat found = {};
  lstat(path, &found);
  append(event, found);
}

int opened(const char* name, int directory, const char* path, int flags, mode_t mode) {
  const std::lock_guard lock(state().mutex);
  const bool below = is_below(path);
  struct stat found = {};
  const bool was_there = below && lstat(path, &found) == 0;
  const int fd = next<int (*)(int, const char*, int, ...)>(name)(directory, path, flags, mode);
  if (fd < 0 || fd >= kDescriptors) return fd;
  state().known[fd] = below;
  if (!below) return fd;
  if (!was_there) append_of(fd, {.kind = kCreate, .path = path});
  else if ((flags & O_TRUNC) != 0) append_of(fd, {.kind = kTruncate});
  return fd;
}

mode_t mode_of(int flags, va_list arguments) { return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0; }

std::vector<iovec> first_bytes(const iovec* pieces, int count, ssize_t total) {
  std::vector<iovec> taken;
  for (int i = 0; i < count && total > 0; ++i) {
    const size_t length = std::min(pieces[i].iov_len, static_cast<size_t>(total));
    taken.push_back({pieces[i].iov_base, length});
    total -= static_cast<ssize_t>(length);
  }
  return taken;
}

/** `offset` -1: where the descriptor stands. */
template <typename Write>
ssize_t written(int fd, const iovec* pieces, int count, int64_t offset, Write write) {
  if (!is_known(fd)) return write();
  const std::lock_guard lock(state().mutex);
  const ssize_t total = write();
  if (total <= 0) return total;
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - total;
  append_of(fd, {.kind = kWrite, .offset = offset, .length = total, .data = first_bytes(pieces, count, total)});
  return total;
}

template <typename Change>
int changed(int fd, Event event, Change change) {
  if (!is_known(fd)) return change();
  const std::lock_guard lock(state().mutex);
  const int result = change();
  if (result == 0) append_of(fd, event);
  return result;
}

template <typename Change>
int changed_name(const char* path, Event event, Change change) {
  if (!is_below(path)) return change();
  const std::lock_guard lock(state().mutex);
  event.path = path;
  const int result = change();
  if (result == 0) append_at(event.target == nullptr ? path : event.target, event);
  return result;
}

}  // namespace

extern "C" {

#define OPEN(name)                                           \
  int name(const char* path, int flags, ...) {               \
    va_list arguments;                                       \
    va_start(arguments, flags);                              \
    const mode_t mode = mode_of(flags, arguments);           \
    va_end(arguments);                                       \
    return opened("openat", AT_FDCWD, path, flags, mode);    \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                 \
  int name(int directory, const char* path, int flags, ...) {        \
    va_list arguments;                                               \
    va_start(arguments, flags);                                      \
    const mode_t mode = mode_of(flags, arguments);                   \
    va_end(arguments);                                               \
    return opened("openat", directory, path, flags, mode);           \
  }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  if (fd >= 0 && fd < kDescriptors) state().known[fd] = false;
  return next<int (*)(int)>("close")(fd);
}

ssize_t write(int fd, const void* bytes, size_t length) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  const iovec piece{const_cast<void*>(bytes), length};
  return written(fd, &piece, 1, -1, [&] { return real(fd, bytes, length); });
}

ssize_t writev(int fd, const iovec* pieces, int count) {
  static const auto real = next<ssize_t (*)(int, const iovec*, int)>("writev");
  return written(fd, pieces, count, -1, [&] { return real(fd, pieces, count); });
}

#define PWRITE(name)                                                                        \
  ssize_t name(int fd, const void* bytes, size_t length, off_t offset) {                    \
    static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>(#name);     \
    const iovec piece{const_cast<void*>(bytes), length};                                    \
    return written(fd, &piece, 1, offset, [&] { return real(fd, bytes, length, offset); }); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                          \
  ssize_t name(int fd, const iovec* pieces, int count, off_t offset) {                         \
    static const auto real = next<ssize_t (*)(int, const iovec*, int, off_t)>(#name);          \
    return written(fd, pieces, count, offset, [&] { return real(fd, pieces, count, offset); }); \
  }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define FTRUNCATE(name)                                                              \
  int name(int fd, off_t length) noexcept {                                          \
    return changed(fd, {.kind = kTruncate, .length = length}, [&] {                  \
      return next<int (*)(int, off_t)>(#name)(fd, length);                           \
    });                                                                              \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define FALLOCATE(name)                                                                                       \
  int name(int fd, int mode, off_t offset, off_t length) {                                                    \
    return changed(fd, {.kind = kAllocate, .offset = offset, .length = (mode & ~FALLOC_FL_KEEP_SIZE) == 0 ? 0 : length}, [&] { \
      return next<int (*)(int, int, off_t, off_t)>(#name)(fd, mode, offset, length);                          \
    });                                                                                                       \
  }
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

int fsync(int fd) { return changed(fd, {.kind = kSync}, [] { return 0; }); }
int fdatasync(int fd) { return changed(fd, {.kind = kDataSync}, [] { return 0; }); }
int syncfs(int fd) noexcept { return changed(fd, {.kind = kSyncAll}, [] { return 0; }); }

int rename(const char* from, const char* to) noexcept {
  return changed_name(from, {.kind = kRename, .target = to}, [&] { return next<int (*)(const char*, const char*)>("rename")(from, to); });
}

int unlink(const char* path) noexcept {
  return changed_name(path, {.kind = kUnlink}, [&] { return next<int (*)(const char*)>("unlink")(path); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  return changed_name(path, {.kind = kMakeFolder}, [&] { return next<int (*)(const char*, mode_t)>("mkdir")(path, mode); });
}

int rmdir(const char* path) noexcept {
  return changed_name(path, {.kind = kRemoveFolder}, [&] { return next<int (*)(const char*)>("rmdir")(path); });
}

int futimens(int fd, const timespec times[2]) noexcept {
  return changed(fd, {.kind = kTimes}, [&] { return next<int (*)(int, const timespec*)>("futimens")(fd, times); });
}

int utimensat(int directory, const char* path, const timespec times[2], int flags) noexcept {
  static const auto real = next<int (*)(int, const char*, const timespec*, int)>("utimensat");
  if (path == nullptr) return changed(directory, {.kind = kTimes}, [&] { return real(directory, path, times, flags); });
  return changed_name(path, {.kind = kTimes}, [&] { return real(directory, path, times, flags); });
}

}  // extern "C"
