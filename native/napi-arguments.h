// Arguments from JavaScript, checked before they become numbers and names of native code.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace elastic {

inline constexpr double kSafeInteger = 9007199254740991.0;

inline Napi::Value Refuse(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

inline bool ToUint64(const Napi::Value& value, uint64_t& number) {
  if (!value.IsNumber()) return false;
  const double raw = value.As<Napi::Number>().DoubleValue();
  if (!(raw >= 0 && raw <= kSafeInteger)) return false;
  number = static_cast<uint64_t>(raw);
  return true;
}

inline bool ToInt64(const Napi::Value& value, int64_t& number) {
  if (!value.IsNumber()) return false;
  const double raw = value.As<Napi::Number>().DoubleValue();
  if (!(raw >= -kSafeInteger && raw <= kSafeInteger)) return false;
  number = static_cast<int64_t>(raw);
  return true;
}

// The kernel's own bound for a name (FUSE_NAME_MAX).
inline constexpr size_t kMaxNameBytes = 1024;

inline bool ToName(const Napi::Value& value, std::string& name) {
  if (!value.IsString()) return false;
  name = value.As<Napi::String>().Utf8Value();
  return !name.empty() && name.size() <= kMaxNameBytes;
}

}  // namespace elastic
