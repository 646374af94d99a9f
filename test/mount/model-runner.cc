// One process that works in a mount: reads operations from standard input, one a line, words parted by tabs, and answers
// each on standard output with a header and what was read. Node has no mmap, no fallocate and no blocking calls that wait
// apart from each other; this has. It judges nothing: the model on the other side of the pipe does.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

struct Header {
  int32_t error;
  uint32_t lengthBytes;
  int64_t value;
};
static_assert(sizeof(Header) == 16);

using Words = std::vector<std::string>;

class Runner {
public:
  explicit Runner(std::string root) : root_(std::move(root)) {}

  void run() {
    std::string input;
    char buffer[65536];
    for (ssize_t got; (got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0;) {
      input.append(buffer, static_cast<size_t>(got));
      size_t from = 0;
      for (size_t end; (end = input.find('\n', from)) != std::string::npos; from = end + 1) answer(split(input.substr(from, end - from)));
      input.erase(0, from);
      flush();
    }
  }

private:
  std::string root_;
  std::map<long, int> slots_;
  std::string output_;
  std::string payload_;

  static Words split(const std::string& line) {
    Words words;
    size_t from = 0;
    for (size_t end; (end = line.find('\t', from)) != std::string::npos; from = end + 1) words.push_back(line.substr(from, end - from));
    words.push_back(line.substr(from));
    return words;
  }

  // The same in model-bytes.ts.
  static uint8_t patternAt(uint32_t tag, uint32_t index) { return static_cast<uint8_t>(tag * 31 + index * 17 + (index >> 7)); }

  static std::string pattern(long tag, size_t length) {
    std::string bytes(length, '\0');
    for (size_t i = 0; i < length; i += 1) bytes[i] = static_cast<char>(patternAt(static_cast<uint32_t>(tag), static_cast<uint32_t>(i)));
    return bytes;
  }

  void answer(const Words& words) {
    payload_.clear();
    errno = 0;
    const int64_t value = perform(words);
    const Header header{value < 0 ? errno : 0, static_cast<uint32_t>(payload_.size()), value};
    output_.append(reinterpret_cast<const char*>(&header), sizeof header);
    output_ += payload_;
    if (output_.size() > 65536) flush();
  }

  void flush() {
    for (size_t done = 0; done < output_.size();) {
      const ssize_t written = write(STDOUT_FILENO, output_.data() + done, output_.size() - done);
      if (written < 0) std::exit(1);
      done += static_cast<size_t>(written);
    }
    output_.clear();
  }

  int64_t perform(const Words& w) {
    const std::string& name = w[0];
    const auto path = [&](size_t at) { return root_ + "/" + w[at]; };
    const auto number = [&](size_t at) { return std::strtoll(w[at].c_str(), nullptr, 10); };
    const auto handle = [&] { return slots_.at(number(1)); };
    if (name == "open") {
      const int opened = open(path(2).c_str(), static_cast<int>(number(3)) | O_CLOEXEC, static_cast<mode_t>(number(4)));
      if (opened >= 0) slots_[number(1)] = opened;
      return opened < 0 ? -1 : 0;
    }
    if (name == "close") {
      const int closing = handle();
      slots_.erase(number(1));
      return close(closing);
    }
    if (name == "pread") return keep(static_cast<size_t>(number(3)), [&](char* to, size_t size) { return pread(handle(), to, size, number(2)); });
    if (name == "read") return keep(static_cast<size_t>(number(2)), [&](char* to, size_t size) { return read(handle(), to, size); });
    if (name == "seek") return lseek(handle(), number(2), SEEK_SET);
    if (name == "pwrite") return pwrite(handle(), pattern(number(4), static_cast<size_t>(number(3))).data(), static_cast<size_t>(number(3)), number(2));
    if (name == "write") return write(handle(), pattern(number(3), static_cast<size_t>(number(2))).data(), static_cast<size_t>(number(2)));
    if (name == "ftruncate") return ftruncate(handle(), number(2));
    if (name == "truncate") return truncate(path(1).c_str(), number(2));
    if (name == "fallocate") return fallocate(handle(), static_cast<int>(number(2)), number(3), number(4));
    if (name == "fsync") return fsync(handle());
    if (name == "mapread") return map(handle(), number(2), static_cast<size_t>(number(3)), -1, false);
    if (name == "mapwrite") return map(handle(), number(2), static_cast<size_t>(number(3)), number(4), number(5) != 0);
    if (name == "stat" || name == "fstat") {
      struct stat facts;
      return name == "stat" ? tell(stat(path(1).c_str(), &facts), facts) : tell(fstat(handle(), &facts), facts);
    }
    if (name == "utimes" || name == "futimes") {
      const timespec times[2] = {{0, UTIME_OMIT}, {number(2), 0}};
      return name == "utimes" ? utimensat(AT_FDCWD, path(1).c_str(), times, 0) : futimens(handle(), times);
    }
    if (name == "chmod") return chmod(path(1).c_str(), static_cast<mode_t>(number(2)));
    if (name == "rename") return renameat2(AT_FDCWD, path(1).c_str(), AT_FDCWD, path(2).c_str(), static_cast<unsigned>(number(3)));
    if (name == "unlink") return unlink(path(1).c_str());
    if (name == "rmdir") return rmdir(path(1).c_str());
    if (name == "mkdir") return mkdir(path(1).c_str(), static_cast<mode_t>(number(2)));
    if (name == "readdir") return list(path(1));
    std::fprintf(stderr, "no such operation: %s\n", name.c_str());
    std::exit(2);
  }

  template <typename Read> int64_t keep(size_t size, Read reading) {
    payload_.resize(size);
    const ssize_t got = reading(payload_.data(), size);
    payload_.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return got;
  }

  // Through a shared mapping: reads (tag -1), or stores the pattern.
  int64_t map(int handle, int64_t offset, size_t size, int64_t tag, bool sync) {
    const int64_t begin = offset & ~static_cast<int64_t>(4095);
    const size_t length = static_cast<size_t>(offset - begin) + size;
    void* at = mmap(nullptr, length, tag < 0 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, handle, begin);
    if (at == MAP_FAILED) return -1;
    char* bytes = static_cast<char*>(at) + (offset - begin);
    if (tag < 0) payload_.assign(bytes, size);
    else for (size_t i = 0; i < size; i += 1) bytes[i] = static_cast<char>(patternAt(static_cast<uint32_t>(tag), static_cast<uint32_t>(i)));
    const int synced = sync ? msync(at, length, MS_SYNC) : 0;
    return munmap(at, length) == 0 && synced == 0 ? static_cast<int64_t>(size) : -1;
  }

  int64_t tell(int result, const struct stat& facts) {
    if (result < 0) return -1;
    const auto number = [](auto value) { return std::to_string(static_cast<long long>(value)); };
    payload_ = std::string(S_ISDIR(facts.st_mode) ? "folder" : "file") + "\t" + number(facts.st_size) + "\t" + number(facts.st_mode & 07777) + "\t" + number(facts.st_nlink) + "\t" +
               number(facts.st_mtim.tv_sec) + "\t" + number(facts.st_ino);
    return 0;
  }

  int64_t list(const std::string& path) {
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr) return -1;
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(directory)) names.emplace_back(entry->d_name);
    const int error = errno;
    closedir(directory);
    errno = error;
    if (error != 0) return -1;
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) payload_ += (payload_.empty() ? "" : "\t") + name;
    return static_cast<int64_t>(names.size());
  }
};

} // namespace

int main(int, char** arguments) {
  umask(0);
  Runner(arguments[1]).run();
}
