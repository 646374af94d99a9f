// What a program does to a folder, timed inside the program, so that its start is not counted. Each order prints
// `seconds S` (and `count N` where it is not the one asked for) and exits 0; what fails is named, exit code 1.
// Compiled by scripts/bench; C++ because a script's own cost per file would hide the difference that is measured.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail("open " + path);
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  /** close(2) is where a write is answered for, so it is part of what is timed. */
  void close() {
    if (::close(fd_) != 0) fail("close");
    fd_ = -1;
  }

 private:
  int fd_;
};

std::vector<std::string> pathsOnInput() {
  std::vector<std::string> paths;
  for (std::string line; std::getline(std::cin, line);) paths.push_back(line);
  return paths;
}

uint64_t readToEnd(int fd, std::vector<char>& buffer) {
  uint64_t total = 0;
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0) fail("read");
    if (got == 0) return total;
    total += static_cast<uint64_t>(got);
  }
}

void writeAll(int fd, const std::vector<char>& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t put = write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0) fail("write");
    done += static_cast<size_t>(put);
  }
}

std::vector<char> randomBytes(size_t count) {
  std::vector<char> bytes(count);
  std::minstd_rand random(1);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

double readFile(const std::string& path) {
  std::vector<char> buffer(1 << 20);
  const auto start = Clock::now();
  Descriptor file(path, O_RDONLY);
  readToEnd(file.get(), buffer);
  file.close();
  return since(start);
}

/** `count` different pages in an order that no readahead guesses; the open is not counted. */
double readPages(const std::string& path, size_t count) {
  constexpr size_t page = 4096;
  Descriptor file(path, O_RDONLY);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail("fstat " + path);
  std::vector<off_t> offsets(static_cast<size_t>(status.st_size) / page);
  for (size_t index = 0; index < offsets.size(); index += 1) offsets[index] = static_cast<off_t>(index * page);
  std::shuffle(offsets.begin(), offsets.end(), std::mt19937(1));
  if (offsets.size() < count) fail("too small for so many pages: " + path);
  char buffer[page];
  const auto start = Clock::now();
  for (size_t index = 0; index < count; index += 1) {
    if (pread(file.get(), buffer, page, offsets[index]) != static_cast<ssize_t>(page)) fail("pread " + path);
  }
  return since(start);
}

double readEach(const std::vector<std::string>& paths) {
  std::vector<char> buffer(64 << 10);
  const auto start = Clock::now();
  for (const std::string& path : paths) {
    Descriptor file(path, O_RDONLY);
    readToEnd(file.get(), buffer);
    file.close();
  }
  return since(start);
}

double readByMany(const std::vector<std::string>& paths, size_t readers) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  for (size_t reader = 0; reader < readers; reader += 1) {
    threads.emplace_back([&] {
      std::vector<char> buffer(64 << 10);
      for (size_t index = next++; index < paths.size(); index = next++) {
        Descriptor file(paths[index], O_RDONLY);
        if (readToEnd(file.get(), buffer) == 0) fail("empty: " + paths[index]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return since(start);
}

double writeFile(const std::string& path, uint64_t bytes) {
  const auto block = randomBytes(1 << 20);
  const auto start = Clock::now();
  Descriptor file(path, O_WRONLY | O_CREAT | O_EXCL);
  for (uint64_t done = 0; done < bytes; done += block.size()) writeAll(file.get(), block);
  file.close();
  return since(start);
}

double createFiles(const std::string& folder, size_t count) {
  const auto block = randomBytes(4096);
  const auto start = Clock::now();
  for (size_t index = 0; index < count; index += 1) {
    Descriptor file(folder + "/new-" + std::to_string(index), O_WRONLY | O_CREAT | O_EXCL);
    writeAll(file.get(), block);
    file.close();
  }
  return since(start);
}

double firstByte(const std::string& path) {
  char byte;
  const auto start = Clock::now();
  Descriptor file(path, O_RDONLY);
  if (pread(file.get(), &byte, 1, 0) != 1) fail("pread " + path);
  return since(start);
}

/** Until the path is there: what a person sees who looks again and again. */
double appears(const std::string& path, double withinSeconds) {
  const auto start = Clock::now();
  struct stat status {};
  while (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT || since(start) > withinSeconds) fail("stat " + path);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return since(start);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

size_t entriesOf(const std::string& folder) {
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) fail("opendir " + folder);
  size_t entries = 0;
  while (readdir(directory) != nullptr) entries += 1;
  closedir(directory);
  return entries;
}

/** The median cost of each single step on the files of the input, each touched for the first time: `NAME MICROSECONDS`. */
void printCosts(const std::vector<std::string>& paths) {
  std::map<std::string, std::vector<double>> costs;
  auto step = [&costs](const char* name, const std::function<void()>& work) {
    const auto start = Clock::now();
    work();
    costs[name].push_back(since(start) * 1e6);
  };
  std::vector<char> buffer(64 << 10);
  std::string lastFolder;
  for (const std::string& path : paths) {
    const std::string folder = path.substr(0, path.rfind('/'));
    struct stat status {};
    if (stat(folder.c_str(), &status) != 0) fail("stat " + folder);
    // The folder is known before, so that its first file's lookup is one lookup; then it is listed, which makes the others known.
    const bool isFirst = folder != lastFolder;
    if (isFirst) step("lookup", [&] { if (stat(path.c_str(), &status) != 0) fail("stat " + path); });
    if (isFirst) step("readdir", [&] { entriesOf(folder); });
    lastFolder = folder;
    int fd = -1;
    step("open", [&] { fd = open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    if (fd < 0) fail("open " + path);
    step("read", [&] { readToEnd(fd, buffer); });
    close(fd);
  }
  for (const auto& [name, values] : costs) std::printf("%s %.2f\n", name.c_str(), median(values));
}

}  // namespace

int main(int count, char** words) {
  const std::string order = count > 1 ? words[1] : "";
  const std::string path = count > 2 ? words[2] : "";
  const double number = count > 3 ? std::atof(words[3]) : 0;
  double seconds = 0;
  if (order == "read") seconds = readFile(path);
  else if (order == "pages") seconds = readPages(path, static_cast<size_t>(number));
  else if (order == "each") seconds = readEach(pathsOnInput());
  else if (order == "many") seconds = readByMany(pathsOnInput(), static_cast<size_t>(std::atoi(path.c_str())));
  else if (order == "write") seconds = writeFile(path, static_cast<uint64_t>(number));
  else if (order == "create") seconds = createFiles(path, static_cast<size_t>(number));
  else if (order == "first-byte") seconds = firstByte(path);
  else if (order == "appears") seconds = appears(path, number);
  else if (order == "costs") {
    printCosts(pathsOnInput());
    return 0;
  } else {
    std::fprintf(stderr, "usage: workload read|pages|each|many|write|create|first-byte|appears|costs …\n");
    return 2;
  }
  std::printf("seconds %.6f\n", seconds);
  return 0;
}
