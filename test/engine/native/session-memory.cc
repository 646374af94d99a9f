// Every reply is built from what there is at that moment: a late answer tells nothing old.
#include "session-memory.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>

namespace harness {

namespace {

using fuse::Opcode;

constexpr uint64_t kValidS = 3600;
constexpr uint32_t kSetSize = 1 << 3;
constexpr uint32_t kInitExtended = 1 << 30;
constexpr uint32_t kInitPassthrough = 1 << 5;  // of the second flags

struct InitIn {
  uint32_t major, minor, maxReadahead, flags, secondFlags;
};
struct InitOut {
  uint32_t major, minor, maxReadahead, flags;
  uint16_t maxBackground, congestionThreshold;
  uint32_t maxWrite, timeGranularity;
  uint16_t maxPages, mapAlignment;
  uint32_t secondFlags, maxStackDepth, unused[6];
};
static_assert(sizeof(InitOut) == 64);
struct SetattrIn {
  uint32_t valid, padding;
  uint64_t handle, sizeBytes;
};
struct CreateIn {
  uint32_t flags, mode, umask, openFlags;
};

template <typename T>
void Put(std::vector<std::byte>& bytes, const T& value) {
  const auto* start = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), start, start + sizeof(value));
}

// The name that stands at `offset` behind the header.
std::string NameAt(const Taken& taken, size_t offset) {
  const char* start = reinterpret_cast<const char*>(taken.bytes.data()) + sizeof(fuse::InHeader) + offset;
  const char* end = reinterpret_cast<const char*>(taken.bytes.data()) + taken.bytes.size();
  return {start, std::find(start, end, '\0')};
}

}  // namespace

Memory::Memory() {
  for (size_t file = 0; file < kFixedFiles; ++file) {
    std::vector<std::byte>& bytes = files_.at(Make("n" + std::to_string(file), kFixedBytes));
    for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = FixedByte(file, at);
  }
  for (size_t file = 0; file < kSteadyFiles; ++file) Make(SteadyName(file), kSteadyBytes);
}

uint64_t Memory::Make(const std::string& name, size_t sizeBytes) {
  const uint64_t ino = ++lastIno_;
  files_[ino].resize(sizeBytes);
  names_[name] = ino;
  return ino;
}

uint64_t Memory::GrowSteady(size_t file, uint64_t version) {
  const uint64_t ino = names_.at(SteadyName(file));
  files_[ino].resize(kSteadyBytes + version);
  std::memcpy(files_[ino].data(), &version, sizeof(version));
  return ino;
}

Colleague Memory::ColleagueActs(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return {true, Make(name, 10), name};
  const uint64_t ino = found->second;
  names_.erase(found);
  return {false, ino, name};
}

std::string Memory::Rows() const {
  std::string rows;
  for (const auto& [name, ino] : names_) {
    const uint64_t content = name[0] == 'n' ? name[1] - '0' + 1 : 0;
    rows += std::to_string(ino) + " 0 0 420 " + std::to_string(files_.at(ino).size()) + " 0 0 " + std::to_string(content) + ' ' + name + '\0';
  }
  return rows;
}

fuse::Attr Memory::AttrOf(uint64_t ino) const {
  fuse::Attr attr{};
  attr.ino = ino;
  attr.mode = ino == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr.links = 1;
  attr.blockSize = 4096;
  if (ino != 1) attr.sizeBytes = files_.at(ino).size();
  attr.blocks = (attr.sizeBytes + 511) / 512;
  return attr;
}

fuse::EntryOut Memory::EntryOf(uint64_t ino) const { return {NodeOf(ino), 0, kValidS, kValidS, 0, 0, AttrOf(ino)}; }

Answered Memory::Answer(const Taken& taken) {
  Answered answered;
  const uint64_t ino = InoOf(taken.header().nodeId);
  if (ino != 1 && files_.count(ino) == 0 && taken.header().opcode != Opcode::kInit) {
    answered.error = ESTALE;
    return answered;
  }
  switch (taken.header().opcode) {
    case Opcode::kInit: Init(taken, answered); break;
    case Opcode::kLookup: Lookup(taken, answered); break;
    case Opcode::kGetattr: Put(answered.data, fuse::AttrOut{kValidS, 0, 0, AttrOf(ino)}); break;
    case Opcode::kSetattr: Setattr(taken, answered); break;
    case Opcode::kOpen: PutOpened(ino, fuse::kOpenKeepCache, answered); break;
    case Opcode::kOpendir: Put(answered.data, fuse::OpenOut{0, fuse::kOpenCacheDirectory, 0}); break;
    case Opcode::kRead: Read(taken, answered); break;
    case Opcode::kWrite: Write(taken, answered); break;
    case Opcode::kReaddir: List(taken, answered, false); break;
    case Opcode::kReaddirplus: List(taken, answered, true); break;
    case Opcode::kCreate: Create(taken, answered); break;
    case Opcode::kUnlink: Unlink(taken, answered); break;
    case Opcode::kRename:
    case Opcode::kRename2: Rename(taken, answered); break;
    case Opcode::kFlush:
    case Opcode::kFsync:
    case Opcode::kRelease:
    case Opcode::kReleasedir: break;
    default: answered.error = ENOSYS;
  }
  return answered;
}

void Memory::Init(const Taken& taken, Answered& answered) {
  InitIn offer{};
  std::memcpy(&offer, taken.bytes.data() + sizeof(fuse::InHeader), std::min(sizeof(offer), taken.bytes.size() - sizeof(fuse::InHeader)));
  // Read in parallel, O_TRUNC with the open, READDIRPLUS as it likes, large requests, listings in parallel, ECONNABORTED.
  const uint32_t wanted = 1u << 0 | 1u << 3 | 1u << 5 | 1u << 13 | 1u << 14 | 1u << 18 | 1u << 21 | 1u << 22 | kInitExtended;
  passthrough_ = (offer.flags & kInitExtended) != 0 && (offer.secondFlags & kInitPassthrough) != 0;
  const uint32_t second = passthrough_ ? kInitPassthrough : 0;
  Put(answered.data, InitOut{7, std::min(offer.minor, 42u), offer.maxReadahead, offer.flags & wanted, 64, 48, 1 << 20, 1, 256, 0, second, passthrough_ ? 1u : 0u, {}});
}

void Memory::PutOpened(uint64_t ino, uint32_t flags, Answered& answered) {
  answered.openOffset = answered.data.size();
  answered.node = NodeOf(ino);
  Put(answered.data, fuse::OpenOut{++lastHandle_, flags, 0});
}

void Memory::Lookup(const Taken& taken, Answered& answered) const {
  const auto found = names_.find(NameAt(taken, 0));
  if (found == names_.end()) answered.error = ENOENT;
  else Put(answered.data, EntryOf(found->second));
}

void Memory::Setattr(const Taken& taken, Answered& answered) {
  const uint64_t ino = InoOf(taken.header().nodeId);
  const auto wish = taken.body<SetattrIn>();
  if (ino != 1 && (wish.valid & kSetSize) != 0) files_[ino].resize(wish.sizeBytes);
  answered.changed = {ino};
  Put(answered.data, fuse::AttrOut{kValidS, 0, 0, AttrOf(ino)});
}

void Memory::Read(const Taken& taken, Answered& answered) const {
  const auto wish = taken.body<fuse::ReadIn>();
  const std::vector<std::byte>& bytes = files_.at(InoOf(taken.header().nodeId));
  const size_t start = std::min<size_t>(wish.offset, bytes.size());
  const size_t end = start + std::min<size_t>(wish.sizeBytes, bytes.size() - start);
  answered.data.assign(bytes.begin() + static_cast<ptrdiff_t>(start), bytes.begin() + static_cast<ptrdiff_t>(end));
}

void Memory::Write(const Taken& taken, Answered& answered) {
  const auto wish = taken.body<fuse::WriteIn>();
  const uint64_t ino = InoOf(taken.header().nodeId);
  std::vector<std::byte>& bytes = files_[ino];
  const size_t start = sizeof(fuse::InHeader) + sizeof(wish);
  CHECK(taken.bytes.size() == start + wish.sizeBytes);
  if (bytes.size() < wish.offset + wish.sizeBytes) bytes.resize(wish.offset + wish.sizeBytes);
  std::copy(taken.bytes.begin() + static_cast<ptrdiff_t>(start), taken.bytes.end(), bytes.begin() + static_cast<ptrdiff_t>(wish.offset));
  answered.changed = {ino};
  Put(answered.data, fuse::WriteOut{wish.sizeBytes, 0});
}

// Offsets are inos, as in native answers: a listing may begin there and end here.
void Memory::List(const Taken& taken, Answered& answered, bool plus) const {
  const auto wish = taken.body<fuse::ReadIn>();
  std::map<uint64_t, std::string> byIno;
  for (const auto& [name, ino] : names_) byIno[ino] = name;
  for (auto at = byIno.upper_bound(wish.offset < 3 ? 0 : wish.offset - 2); at != byIno.end(); ++at) {
    const auto& [ino, name] = *at;
    const size_t length = (plus ? sizeof(fuse::EntryOut) : 0) + sizeof(fuse::Dirent) + ((name.size() + 7) & ~size_t{7});
    if (answered.data.size() + length > wish.sizeBytes) return;
    const size_t end = answered.data.size() + length;
    if (plus) Put(answered.data, EntryOf(ino));
    Put(answered.data, fuse::Dirent{ino, ino + 2, static_cast<uint32_t>(name.size()), S_IFREG >> 12});
    for (const char letter : name) Put(answered.data, letter);
    answered.data.resize(end);
  }
}

void Memory::Create(const Taken& taken, Answered& answered) {
  const std::string name = NameAt(taken, sizeof(CreateIn));
  const auto found = names_.find(name);
  const uint64_t ino = found == names_.end() ? Make(name, 0) : found->second;
  answered.edits = {{1, ino, false, name}};
  Put(answered.data, EntryOf(ino));
  PutOpened(ino, 0, answered);
}

void Memory::Unlink(const Taken& taken, Answered& answered) {
  const std::string name = NameAt(taken, 0);
  if (names_.erase(name) == 0) answered.error = ENOENT;
  else answered.edits = {{1, 0, false, name}};
}

void Memory::Rename(const Taken& taken, Answered& answered) {
  const std::string from = NameAt(taken, taken.header().opcode == Opcode::kRename ? 8 : 16);
  const std::string to = NameAt(taken, (taken.header().opcode == Opcode::kRename ? 8 : 16) + from.size() + 1);
  const auto found = names_.find(from);
  if (found == names_.end()) {
    answered.error = ENOENT;
    return;
  }
  const uint64_t ino = found->second;
  names_.erase(found);
  names_[to] = ino;
  answered.edits = {{1, 0, false, from}, {1, ino, false, to}};
}

}  // namespace harness
