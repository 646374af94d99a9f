// Thin: arguments in, one system call, its result out.
#include "system-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>

#include "file-descriptor.h"

namespace elastic {

namespace {

using Call = std::function<double()>;

// Runs one call on a worker thread and resolves its promise with the result.
class CallWorker : public Napi::AsyncWorker {
 public:
  static Napi::Value Run(Napi::Env env, Call call) {
    auto* worker = new CallWorker(env, std::move(call));  // deletes itself
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 private:
  CallWorker(Napi::Env env, Call call) : AsyncWorker(env), call_(std::move(call)), deferred_(env) {}
  void Execute() override { result_ = call_(); }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), result_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  const Call call_;
  double result_ = 0;
  Napi::Promise::Deferred deferred_;
};

double Result(int64_t value) { return value < 0 ? -static_cast<double>(errno) : static_cast<double>(value); }

Napi::Value Refuse(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

bool AreNumbers(const Napi::CallbackInfo& info, size_t count) {
  for (size_t index = 0; index < count; ++index) {
    if (!info[index].IsNumber()) return false;
  }
  return true;
}

int IntAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int32Value(); }
int64_t LongAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int64Value(); }
std::string TextAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::String>().Utf8Value(); }

Napi::Value OpenFuseDevice(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Result(::open("/dev/fuse", O_RDWR | O_CLOEXEC)));
}

Napi::Value Mount(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !info[1].IsString() || !info[2].IsString() || !info[3].IsNumber() || !info[4].IsString()) {
    return Refuse(info.Env(), "mount(source, folder, type, flags, options)");
  }
  return CallWorker::Run(info.Env(), [source = TextAt(info, 0), folder = TextAt(info, 1), type = TextAt(info, 2),
                                      flags = IntAt(info, 3), options = TextAt(info, 4)] {
    return Result(::mount(source.c_str(), folder.c_str(), type.c_str(), static_cast<unsigned long>(flags), options.c_str()));
  });
}

Napi::Value Unmount(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !info[1].IsNumber()) return Refuse(info.Env(), "unmount(folder, flags)");
  return CallWorker::Run(info.Env(), [folder = TextAt(info, 0), flags = IntAt(info, 1)] {
    return Result(::umount2(folder.c_str(), flags));
  });
}

// Answers [ours, theirs]: a connected pair for fusermount3 to send the descriptor of the mount through.
Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return Napi::Number::New(info.Env(), Result(-1));
  const Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(uint32_t{0}, ends[0]);
  pair.Set(uint32_t{1}, ends[1]);
  return pair;
}

// -ENOMSG when the other end closed without sending one.
double Receive(int socket) {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return Result(-1);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -ENOMSG;
  int descriptor;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return descriptor;
}

Napi::Value ReceiveDescriptor(const Napi::CallbackInfo& info) {
  if (!AreNumbers(info, 1)) return Refuse(info.Env(), "receiveDescriptor(socket)");
  return CallWorker::Run(info.Env(), [socket = IntAt(info, 0)] { return Receive(socket); });
}

// Makes the destination share the source's blocks.
Napi::Value Reflink(const Napi::CallbackInfo& info) {
  if (!AreNumbers(info, 2)) return Refuse(info.Env(), "reflink(source, destination)");
  return CallWorker::Run(info.Env(), [source = IntAt(info, 0), destination = IntAt(info, 1)] {
    return Result(::ioctl(destination, FICLONE, source));
  });
}

Napi::Value Fallocate(const Napi::CallbackInfo& info) {
  if (!AreNumbers(info, 4)) return Refuse(info.Env(), "fallocate(file, mode, offset, length)");
  return CallWorker::Run(info.Env(), [file = IntAt(info, 0), mode = IntAt(info, 1), offset = LongAt(info, 2), length = LongAt(info, 3)] {
    return Result(::fallocate(file, mode, offset, length));
  });
}

Napi::Value Seek(const Napi::CallbackInfo& info) {
  if (!AreNumbers(info, 3)) return Refuse(info.Env(), "seek(file, offset, whence)");
  return CallWorker::Run(info.Env(), [file = IntAt(info, 0), offset = LongAt(info, 1), whence = IntAt(info, 2)] {
    return Result(::lseek(file, offset, whence));
  });
}

// Whether the file is open for writing anywhere, or mapped so: then the kernel gives no lease for reading. The lease ends
// here and now, and would it be broken in between, nobody is killed by the signal. Does not block.
Napi::Value HasWriters(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) return Refuse(info.Env(), "hasWriters(path)");
  const FileDescriptor file(::open(TextAt(info, 0).c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid() || ::fcntl(file.number(), F_SETSIG, SIGURG) != 0) return Napi::Number::New(info.Env(), Result(-1));
  const int result = ::fcntl(file.number(), F_SETLEASE, F_RDLCK);
  if (result != 0) return Napi::Number::New(info.Env(), errno == EAGAIN ? 1 : Result(-1));
  ::fcntl(file.number(), F_SETLEASE, F_UNLCK);
  return Napi::Number::New(info.Env(), 0);
}

int OpenNew(const std::string& path) { return ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600); }

// Makes an empty file of this user where none is, with this time in seconds where it is not negative, and its folder.
Napi::Value MakeFile(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !info[1].IsNumber()) return Refuse(info.Env(), "makeFile(path, mtimeSeconds)");
  return CallWorker::Run(info.Env(), [path = TextAt(info, 0), seconds = LongAt(info, 1)] {
    FileDescriptor file(OpenNew(path));
    if (!file.valid() && errno == ENOENT && ::mkdir(path.substr(0, path.rfind('/')).c_str(), 0700) == 0) file = FileDescriptor(OpenNew(path));
    if (!file.valid() || seconds < 0) return Result(file.valid() ? 0 : -1);
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    return Result(::futimens(file.number(), times));
  });
}

// Writes everything of the file system to its disk, and waits for it.
Napi::Value SyncFileSystem(const Napi::CallbackInfo& info) {
  if (!AreNumbers(info, 1)) return Refuse(info.Env(), "syncFileSystem(file)");
  return CallWorker::Run(info.Env(), [file = IntAt(info, 0)] { return Result(::syncfs(file)); });
}

// Of a descriptor that a library opened without it. Does not block.
Napi::Value CloseOnExec(const Napi::CallbackInfo& info) {
  if (!AreNumbers(info, 1)) return Refuse(info.Env(), "closeOnExec(file)");
  return Napi::Number::New(info.Env(), Result(::fcntl(IntAt(info, 0), F_SETFD, FD_CLOEXEC)));
}

}  // namespace

void DefineSystemCalls(Napi::Env env, Napi::Object exports) {
  exports.Set("openFuseDevice", Napi::Function::New<OpenFuseDevice>(env, "openFuseDevice"));
  exports.Set("mount", Napi::Function::New<Mount>(env, "mount"));
  exports.Set("unmount", Napi::Function::New<Unmount>(env, "unmount"));
  exports.Set("socketPair", Napi::Function::New<SocketPair>(env, "socketPair"));
  exports.Set("receiveDescriptor", Napi::Function::New<ReceiveDescriptor>(env, "receiveDescriptor"));
  exports.Set("closeOnExec", Napi::Function::New<CloseOnExec>(env, "closeOnExec"));
  exports.Set("hasWriters", Napi::Function::New<HasWriters>(env, "hasWriters"));
  exports.Set("syncFileSystem", Napi::Function::New<SyncFileSystem>(env, "syncFileSystem"));
  exports.Set("makeFile", Napi::Function::New<MakeFile>(env, "makeFile"));
  exports.Set("reflink", Napi::Function::New<Reflink>(env, "reflink"));
  exports.Set("fallocate", Napi::Function::New<Fallocate>(env, "fallocate"));
  exports.Set("seek", Napi::Function::New<Seek>(env, "seek"));
}

}  // namespace elastic
