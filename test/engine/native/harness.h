// What the programs of this folder share: seeded chance, a device that is a socket (one reply is one message), requests
// made byte by byte, and what a well-formed reply is. No Node and no kernel.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuse-protocol.h"

namespace harness {

namespace fuse = elastic::fuse;

#define CHECK(holds) \
  do { \
    if (!(holds)) { \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds); \
      std::abort(); \
    } \
  } while (false)

class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t count) { return Below(count) == 0; }
  uint64_t Any() { return random_(); }
  template <typename List>
  auto Of(const List& list) { return list[Below(list.size())]; }
  template <typename T>
  T Of(std::initializer_list<T> list) { return list.begin()[Below(list.size())]; }

 private:
  std::mt19937_64 random_;
};

class Deadline {
 public:
  explicit Deadline(double seconds) : end_(std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds)) {}
  bool Passed() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  const std::chrono::time_point<std::chrono::steady_clock, std::chrono::duration<double>> end_;
};

// Replies go in at `device()` and come out of `Take`, whole.
class Device {
 public:
  Device() {
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_) == 0);
    const int bytes = 1 << 20;
    ::setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  }
  ~Device() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int device() const { return ends_[0]; }
  // Every reply written since the last call.
  std::vector<std::vector<std::byte>> Take() {
    std::vector<std::vector<std::byte>> replies;
    for (;;) {
      const ssize_t length = ::recv(ends_[1], buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (length <= 0) return replies;
      replies.emplace_back(buffer_.begin(), buffer_.begin() + length);
    }
  }

 private:
  int ends_[2];
  std::vector<std::byte> buffer_ = std::vector<std::byte>(1 << 20);
};

// A request of exactly its own bytes on the heap, so that a sanitizer sees a look beyond them.
class Request {
 public:
  Request(fuse::Opcode opcode, uint64_t node, uint64_t unique) {
    Append(fuse::InHeader{0, opcode, unique, node, 0, 0, 0, 0, 0});
  }
  template <typename T>
  Request& Append(const T& value) {
    return Append(std::string_view(reinterpret_cast<const char*>(&value), sizeof(value)));
  }
  Request& Append(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  std::vector<std::byte> Finish() {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof(length));
    const auto* bytes = reinterpret_cast<const std::byte*>(bytes_.data());
    return {bytes, bytes + length};
  }

 private:
  std::string bytes_;
};

template <typename T>
T At(std::span<const std::byte> bytes, size_t offset) {
  T value;
  CHECK(offset + sizeof(T) <= bytes.size());
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Walks the entries of a listing; answers how many there are.
inline size_t CheckListing(std::span<const std::byte> body, bool plus) {
  size_t count = 0;
  uint64_t last = 0;
  while (!body.empty()) {
    const size_t start = plus ? sizeof(fuse::EntryOut) : 0;
    const auto dirent = At<fuse::Dirent>(body, start);
    const size_t length = (start + sizeof(dirent) + dirent.nameLength + 7) & ~size_t{7};
    CHECK(dirent.nameLength > 0 && dirent.nextOffset > last && length <= body.size());
    CHECK(std::memchr(body.data() + start + sizeof(dirent), 0, dirent.nameLength) == nullptr);
    if (plus && At<fuse::EntryOut>(body, 0).nodeId != 0) CHECK(At<fuse::EntryOut>(body, 0).attr.ino == dirent.ino);
    last = dirent.nextOffset;
    body = body.subspan(length);
    ++count;
  }
  return count;
}

// A reply to this request as the kernel would take it. `size` is what a READ or a listing asked for.
inline void CheckReply(std::span<const std::byte> reply, const fuse::InHeader& request, size_t sizeBytes) {
  const auto header = At<fuse::OutHeader>(reply, 0);
  CHECK(header.length == reply.size() && header.unique == request.unique && header.error <= 0 && header.error > -512);
  const auto body = reply.subspan(sizeof(header));
  if (header.error != 0) {
    CHECK(body.empty());
    return;
  }
  using Opcode = fuse::Opcode;
  switch (request.opcode) {
    case Opcode::kLookup: CHECK(body.size() == sizeof(fuse::EntryOut)); break;
    case Opcode::kGetattr: CHECK(body.size() == sizeof(fuse::AttrOut)); break;
    case Opcode::kOpen:
    case Opcode::kOpendir: CHECK(body.size() == sizeof(fuse::OpenOut)); break;
    case Opcode::kRead: CHECK(body.size() <= sizeBytes); break;
    case Opcode::kWrite: CHECK(body.size() == sizeof(fuse::WriteOut)); break;
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
      CHECK(body.size() <= sizeBytes);
      CheckListing(body, request.opcode == Opcode::kReaddirplus);
      break;
    default: CHECK(body.empty());
  }
}

}  // namespace harness
