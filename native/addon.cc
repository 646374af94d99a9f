// The module's entry: what `require` answers. Everything lives in the objects it makes, nothing in globals, so it may be
// loaded by several threads of one process.
#include <napi.h>

#include "session-object.h"
#include "system-calls.h"

namespace {

Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("FuseSession", elastic::SessionObject::Define(env));
  elastic::DefineSystemCalls(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(elastic_drive, Initialise)
