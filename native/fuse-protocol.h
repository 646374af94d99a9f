// The part of the FUSE kernel protocol that native code reads or writes itself: headers, INTERRUPT, the names of the
// nodes that gate notices, and notices. Everything else crosses to TypeScript undecoded (src/engine/wire-layout.ts).
//
// Written from the kernel's documented layout, protocol 7.42 (Linux 6.14). All fields are in the machine's byte order.
// Kernels from 7.31 on use these layouts unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace elastic::fuse {

enum class Opcode : uint32_t {
  kLookup = 1,
  kForget = 2,
  kGetattr = 3,
  kSetattr = 4,
  kReadlink = 5,
  kSymlink = 6,
  kMknod = 8,
  kMkdir = 9,
  kUnlink = 10,
  kRmdir = 11,
  kRename = 12,
  kLink = 13,
  kOpen = 14,
  kRead = 15,
  kWrite = 16,
  kStatfs = 17,
  kRelease = 18,
  kFsync = 20,
  kSetxattr = 21,
  kGetxattr = 22,
  kListxattr = 23,
  kRemovexattr = 24,
  kFlush = 25,
  kInit = 26,
  kOpendir = 27,
  kReaddir = 28,
  kReleasedir = 29,
  kFsyncdir = 30,
  kCreate = 35,
  kInterrupt = 36,
  kNotifyReply = 41,
  kBatchForget = 42,
  kFallocate = 43,
  kReaddirplus = 44,
  kRename2 = 45,
  kCopyFileRange = 47,
  kTmpfile = 51,
};

struct InHeader {
  uint32_t length;
  Opcode opcode;
  uint64_t unique;
  uint64_t nodeId;
  uint32_t uid;
  uint32_t gid;
  uint32_t pid;
  uint16_t extensionUnits;
  uint16_t padding;
};
static_assert(sizeof(InHeader) == 40);

struct OutHeader {
  uint32_t length;
  int32_t error;
  uint64_t unique;
};
static_assert(sizeof(OutHeader) == 16);

struct InterruptIn {
  uint64_t unique;
};
static_assert(sizeof(InterruptIn) == 8);

// The first field of RENAME and RENAME2 (the new parent) and of LINK (the node that gets a second name).
struct SecondNode {
  uint64_t nodeId;
};
static_assert(sizeof(SecondNode) == 8);

// An out header with unique 0 is a notice; `error` says which.
enum class NoticeCode : int32_t {
  kInvalidateInode = 2,
  kInvalidateEntry = 3,
  kDelete = 6,
};

struct InvalidateInodeOut {
  uint64_t nodeId;
  int64_t offset;
  int64_t length;
};
static_assert(sizeof(InvalidateInodeOut) == 24);

struct InvalidateEntryOut {
  uint64_t parent;
  uint32_t nameLength;
  uint32_t flags;
};
static_assert(sizeof(InvalidateEntryOut) == 16);
inline constexpr uint32_t kExpireOnly = 1;

struct DeleteOut {
  uint64_t parent;
  uint64_t child;
  uint32_t nameLength;
  uint32_t padding;
};
static_assert(sizeof(DeleteOut) == 24);

struct Attr {
  uint64_t ino, sizeBytes, blocks;
  uint64_t atime, mtime, ctime;
  uint32_t atimeNs, mtimeNs, ctimeNs;
  uint32_t mode, links, uid, gid, device, blockSize, flags;
};
static_assert(sizeof(Attr) == 88);

struct EntryOut {
  uint64_t nodeId, generation;
  uint64_t entryValid, attrValid;
  uint32_t entryValidNs, attrValidNs;
  Attr attr;
};
static_assert(sizeof(EntryOut) == 128);

struct AttrOut {
  uint64_t attrValid;
  uint32_t attrValidNs, padding;
  Attr attr;
};
static_assert(sizeof(AttrOut) == 104);

struct GetattrIn {
  uint32_t flags, padding;
  uint64_t handle;
};
static_assert(sizeof(GetattrIn) == 16);
inline constexpr uint32_t kGetattrHasHandle = 1;

struct OpenIn {
  uint32_t flags, openFlags;
};
static_assert(sizeof(OpenIn) == 8);

struct OpenOut {
  uint64_t handle;
  uint32_t openFlags;
  int32_t backingId;
};
static_assert(sizeof(OpenOut) == 16);
inline constexpr uint32_t kOpenKeepCache = 1 << 1;
inline constexpr uint32_t kOpenCacheDirectory = 1 << 3;
// Linux 5.16: close(2) sends no FLUSH. Older kernels ignore it.
inline constexpr uint32_t kOpenNoFlush = 1 << 5;
// Linux 6.9, where INIT agreed: the kernel reads and writes the backing file itself. Excludes kOpenKeepCache.
inline constexpr uint32_t kOpenPassthrough = 1 << 7;

// READ, READDIR and READDIRPLUS.
struct ReadIn {
  uint64_t handle, offset;
  uint32_t sizeBytes, readFlags;
  uint64_t lockOwner;
  uint32_t flags, padding;
};
static_assert(sizeof(ReadIn) == 40);

// The name follows.
struct GetxattrIn {
  uint32_t sizeBytes, padding;
};
static_assert(sizeof(GetxattrIn) == 8);

// The data follows.
struct WriteIn {
  uint64_t handle, offset;
  uint32_t sizeBytes, writeFlags;
  uint64_t lockOwner;
  uint32_t flags, padding;
};
static_assert(sizeof(WriteIn) == 40);
inline constexpr uint32_t kWriteKillSetIds = 1 << 2;

struct WriteOut {
  uint32_t sizeBytes, padding;
};
static_assert(sizeof(WriteOut) == 8);

// RELEASE, RELEASEDIR, FLUSH and FSYNC begin with the handle.
struct HandleIn {
  uint64_t handle;
};
static_assert(sizeof(HandleIn) == 8);

// The name follows, padded to 8 bytes.
struct Dirent {
  uint64_t ino, nextOffset;
  uint32_t nameLength, type;
};
static_assert(sizeof(Dirent) == 24);

// The INTERRUPT of a request carries the request's unique with this bit set.
inline constexpr uint64_t kInterruptBit = 1;
// FUSE_DEV_IOC_CLONE: _IOR(229, 0, uint32_t).
inline constexpr unsigned long kCloneIoctl = 0x8004e500;

struct BackingMap {
  int32_t file;
  uint32_t flags;
  uint64_t padding;
};
static_assert(sizeof(BackingMap) == 16);
// FUSE_DEV_IOC_BACKING_OPEN: _IOW(229, 1, struct fuse_backing_map); answers an id. BACKING_CLOSE: _IOW(229, 2, uint32_t).
inline constexpr unsigned long kBackingOpenIoctl = 0x4010e501;
inline constexpr unsigned long kBackingCloseIoctl = 0x4004e502;

// A structure out of a request; false where the request ends before it does: lengths from the wire are never believed.
template <typename T>
bool ReadAt(std::span<const std::byte> bytes, size_t offset, T& value) {
  if (bytes.size() < offset || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return true;
}

// What INIT asks for; src/engine/wire-layout.ts has the same number.
inline constexpr size_t kMaxWriteBytes = 1 << 20;
// The kernel refuses a read buffer smaller than max_write and the two headers in front of the data.
inline constexpr size_t kRequestBytes = kMaxWriteBytes + 4096;

}  // namespace elastic::fuse
