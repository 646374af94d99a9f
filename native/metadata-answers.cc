// Each answer holds the reader's gate from the look into the table until its reply is written (answer-table.h).
#include "metadata-answers.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

namespace elastic {

namespace {

using fuse::InHeader;
using fuse::Opcode;
using fuse::ReadAt;
using Outcome = MetadataAnswers::Outcome;

constexpr uint32_t kFileType = 0100000;
constexpr uint32_t kDirectoryType = 0040000;
// Programs that size their buffers by st_blksize should make few, large requests.
constexpr uint32_t kBlockSize = 128 * 1024;
// Offsets of `.` and `..`; a child has its ino and this (src/fs/directories.ts counts the same way).
constexpr uint64_t kDotOffset = 1;
constexpr uint64_t kDotDotOffset = 2;

// Extended attributes of another kind are never there (src/fs/extended-attributes.ts).
constexpr std::string_view kKeptAttributes = "user.";

// The name that ends the request from `start`, without its zero byte; empty when there is none.
std::string_view NameIn(std::span<const std::byte> request, size_t start) {
  if (request.size() <= start) return {};
  const std::string_view text(reinterpret_cast<const char*>(request.data()) + start, request.size() - start);
  return text.substr(0, std::min(text.find('\0'), text.size()));
}

size_t Padded(size_t length) { return (length + 7) & ~size_t{7}; }

// Collects directory entries until the reply is full.
class Listing {
 public:
  Listing(std::span<std::byte> room, bool plus) : room_(room), plus_(plus) {}

  bool Add(const fuse::Dirent& dirent, std::string_view name, const fuse::EntryOut& entry) {
    const size_t entryBytes = plus_ ? sizeof(entry) : 0;
    const size_t nameBytes = Padded(name.size());
    if (used_ + entryBytes + sizeof(dirent) + nameBytes > room_.size()) return false;
    std::byte* at = room_.data() + used_;
    if (plus_) std::memcpy(at, &entry, sizeof(entry));
    at += entryBytes;
    std::memcpy(at, &dirent, sizeof(dirent));
    at += sizeof(dirent);
    std::memset(at + nameBytes - 8, 0, 8);
    std::memcpy(at, name.data(), name.size());
    used_ += entryBytes + sizeof(dirent) + nameBytes;
    return true;
  }

  std::span<const std::byte> bytes() const { return room_.first(used_); }

 private:
  const std::span<std::byte> room_;
  const bool plus_;
  size_t used_ = 0;
};

}  // namespace

int WriteReply(int device, uint64_t unique, int error, std::span<const std::byte> body) {
  const fuse::OutHeader header{static_cast<uint32_t>(sizeof(fuse::OutHeader) + body.size()), -error, unique};
  iovec parts[2] = {{const_cast<fuse::OutHeader*>(&header), sizeof(header)}, {const_cast<std::byte*>(body.data()), body.size()}};
  ssize_t written;
  do {
    written = ::writev(device, parts, body.empty() ? 1 : 2);
  } while (written < 0 && errno == EINTR);
  return written < 0 ? errno : 0;
}

Outcome MetadataAnswers::Answer(int device, size_t reader, std::span<const std::byte> request, std::span<std::byte> room) {
  InHeader header;
  // With extensions the end of a name is elsewhere; none are asked for.
  if (!ReadAt(request, 0, header) || header.extensionUnits != 0) return Outcome::kAskJavaScript;
  if (header.opcode == Opcode::kReleasedir) {
    // Directories have no handles.
    WriteReply(device, header.unique, 0, {});
    return Outcome::kAnswered;
  }
  if (header.opcode == Opcode::kGetxattr) return Getxattr(device, header, request);
  const std::lock_guard gate(table_.GateOf(reader));
  switch (header.opcode) {
    case Opcode::kLookup:
      return Lookup(device, header, request);
    case Opcode::kGetattr:
      return Getattr(device, header, request);
    case Opcode::kOpendir:
      return Opendir(device, header);
    case Opcode::kReaddir:
      return Readdir(device, header, request, room, false);
    case Opcode::kReaddirplus:
      return Readdir(device, header, request, room, true);
    default:
      return Outcome::kAskJavaScript;
  }
}

fuse::Attr MetadataAnswers::AttrOf(const KnownItem& item) const {
  const KnownAttributes& known = item.attributes;
  fuse::Attr attr{};
  attr.ino = item.ino;
  attr.sizeBytes = known.sizeBytes;
  attr.blocks = known.blocks;
  const auto split = [](int64_t us, uint64_t& seconds, uint32_t& restNs) {
    int64_t whole = us / 1'000'000;
    if (us % 1'000'000 < 0) --whole;  // before 1970
    seconds = static_cast<uint64_t>(whole);
    restNs = static_cast<uint32_t>(us - whole * 1'000'000) * 1000;
  };
  split(known.mtimeUs, attr.mtime, attr.mtimeNs);
  split(known.ctimeUs, attr.ctime, attr.ctimeNs);
  attr.atime = attr.mtime;
  attr.atimeNs = attr.mtimeNs;
  attr.mode = (item.isDirectory ? kDirectoryType : kFileType) | known.permissions;
  attr.links = known.links;
  attr.uid = terms_.uid;
  attr.gid = terms_.gid;
  attr.blockSize = kBlockSize;
  return attr;
}

fuse::EntryOut MetadataAnswers::EntryOf(const KnownItem& item) const {
  fuse::EntryOut entry{};
  entry.nodeId = item.node;
  entry.entryValid = terms_.validS;
  entry.attrValid = terms_.validS;
  entry.attr = AttrOf(item);
  return entry;
}

Outcome MetadataAnswers::Lookup(int device, const InHeader& header, std::span<const std::byte> request) {
  const std::string_view name = NameIn(request, sizeof(header));
  const KnownDirectory* directory = table_.DirectoryOf(header.nodeId);
  if (directory == nullptr || name.empty()) return Outcome::kAskJavaScript;
  const KnownItem* item = directory->Find(name);
  if (item != nullptr && !item->known) return Outcome::kAskJavaScript;
  fuse::EntryOut entry{};  // node 0: the name is known not to be there
  if (item != nullptr) {
    entry = EntryOf(*item);
  } else {
    entry.entryValid = directory->negative ? terms_.validS : 0;
  }
  WriteReply(device, header.unique, 0, BytesOf(entry));
  return Outcome::kAnswered;
}

Outcome MetadataAnswers::Getattr(int device, const InHeader& header, std::span<const std::byte>) {
  const KnownItem* item = table_.ItemOf(header.nodeId);
  if (item == nullptr || !item->known) return Outcome::kAskJavaScript;
  fuse::AttrOut out{};
  out.attrValid = terms_.validS;
  out.attr = AttrOf(*item);
  WriteReply(device, header.unique, 0, BytesOf(out));
  return Outcome::kAnswered;
}

// The kernel asks for security.capability at each write, programs for labels and ACLs of whatever they list.
Outcome MetadataAnswers::Getxattr(int device, const InHeader& header, std::span<const std::byte> request) {
  fuse::GetxattrIn in{};
  if (!ReadAt(request, sizeof(header), in)) return Outcome::kAskJavaScript;
  const std::string_view name = NameIn(request, sizeof(header) + sizeof(in));
  if (name.empty() || name.starts_with(kKeptAttributes)) return Outcome::kAskJavaScript;
  WriteReply(device, header.unique, ENODATA, {});
  return Outcome::kAnswered;
}

Outcome MetadataAnswers::Opendir(int device, const InHeader& header) {
  const KnownDirectory* directory = table_.DirectoryOf(header.nodeId);
  if (directory == nullptr) return Outcome::kAskJavaScript;
  const fuse::OpenOut out{0, fuse::kOpenKeepCache | fuse::kOpenCacheDirectory, 0};
  const bool wake = usage_.NoteFolder(directory->ino, directory->reportedMs);
  WriteReply(device, header.unique, 0, BytesOf(out));
  return wake ? Outcome::kAnsweredAndWake : Outcome::kAnswered;
}

Outcome MetadataAnswers::Readdir(int device, const InHeader& header, std::span<const std::byte> request, std::span<std::byte> room, bool plus) {
  fuse::ReadIn in{};
  const KnownDirectory* directory = table_.DirectoryOf(header.nodeId);
  if (directory == nullptr || !ReadAt(request, sizeof(InHeader), in) || in.sizeBytes < 4096) return Outcome::kAskJavaScript;
  Listing listing(room.first(std::min<size_t>(room.size(), in.sizeBytes)), plus);
  const auto addDot = [&](uint64_t offset, std::string_view name, uint64_t ino) {
    if (in.offset >= offset) return true;
    fuse::EntryOut entry{};  // node 0: never counted as a lookup
    entry.attr.ino = ino;
    entry.attr.mode = kDirectoryType;
    return listing.Add({ino, offset, static_cast<uint32_t>(name.size()), kDirectoryType >> 12}, name, entry);
  };
  const KnownItem* self = table_.ItemByIno(directory->ino);
  const bool isRoot = directory->ino == AnswerTable::kRootIno;
  if (self == nullptr && !isRoot) return Outcome::kAskJavaScript;  // where it stands is not known
  const uint64_t above = isRoot ? AnswerTable::kRootIno : self->parent;
  bool fits = addDot(kDotOffset, ".", directory->ino) && addDot(kDotDotOffset, "..", above);
  const uint64_t after = in.offset > kDotDotOffset ? in.offset - kDotDotOffset : 0;
  auto at = std::upper_bound(directory->byIno.begin(), directory->byIno.end(), after, [](uint64_t ino, const KnownItem* item) { return ino < item->ino; });
  for (; fits && at != directory->byIno.end(); ++at) {
    const KnownItem& item = **at;
    const uint32_t type = item.isDirectory ? kDirectoryType : kFileType;
    fuse::EntryOut entry{};
    if (plus && item.known) {
      entry = EntryOf(item);
    } else {
      // Shown without an answer: the kernel asks when somebody cares.
      entry.attr.ino = item.ino;
      entry.attr.mode = type;
    }
    fits = listing.Add({item.ino, item.ino + kDotDotOffset, static_cast<uint32_t>(item.name.size()), type >> 12}, item.name, entry);
  }
  WriteReply(device, header.unique, 0, listing.bytes());
  return Outcome::kAnswered;
}

}  // namespace elastic
