// The addon's functions for memory and devices.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <vector>

#include "binding.h"
#include "buffers.h"
#include "cpu/pool.h"

namespace rotor {
namespace {

// openDevice(name, path, index) -> number of the device that the library at `path` opens
Napi::Value openDeviceOf(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() < 2 || !info[0].IsString() || !info[1].IsString()) throw OpError("NATIVE", "[openDevice] expected a name and a path.");
    const OpenDevice& found = openDevice(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value(), int(number(info, 2)));
    return Napi::Number::New(info.Env(), deviceId(found));
  });
}

// deviceProperties(device) -> what the library says of it
Napi::Value deviceProperties(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const OpenDevice* found = device(info, 0);
    if (!found) throw OpError("DEVICE", "[deviceProperties] expected an opened device.");
    const DeviceInfo d = found->info();
    Napi::Env env = info.Env();
    Napi::Object o = Napi::Object::New(env);
    o.Set("gpu", Napi::String::New(env, d.name));
    o.Set("architecture", Napi::String::New(env, d.architecture));
    o.Set("multiprocessors", Napi::Number::New(env, d.multiprocessors));
    o.Set("driver", Napi::Number::New(env, d.driver));
    o.Set("runtime", Napi::Number::New(env, d.runtime));
    o.Set("memoryBytes", Napi::Number::New(env, d.memoryBytes));
    o.Set("freeBytes", Napi::Number::New(env, d.freeBytes));
    Napi::Array ops = Napi::Array::New(env);
    for (int i = 0; i < kOpCount; ++i)
      if (found->supports(uint32_t(i))) ops.Set(ops.Length(), Napi::String::New(env, kOps[i].name));
    o.Set("ops", ops);
    return o;
  });
}

// alloc(bytes, device?) -> buffer id; `device` as openDevice gave it, 0 and none for the CPU
Napi::Value alloc(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double bytes = number(info, 0);
    if (!(bytes >= 0 && bytes < 9007199254740992.0)) throw OpError("NATIVE", "[alloc] expected a size in bytes, received " + std::to_string(bytes) + ".");
    const uint32_t id = allocBuffer(size_t(bytes), device(info, 1));
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), int64_t(bytes));
    return Napi::Number::New(info.Env(), id);
  });
}

// free(id) -> whether it was alive
Napi::Value freeOne(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const uint32_t id = identifier(info, 0);
    const BufferRef buffer = findBuffer(id);
    if (buffer && !buffer->mapping()) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), -int64_t(buffer->bytes()));
    return Napi::Boolean::New(info.Env(), freeBuffer(id));
  });
}

// mapFile(path, offset, bytes) -> buffer id, over a range of a file that ops may read but not write
Napi::Value mapFile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() < 1 || !info[0].IsString()) throw OpError("NATIVE", "[mapFile] expected a path.");
    const double offset = number(info, 1), bytes = number(info, 2);
    if (!(offset >= 0 && bytes >= 0 && offset + bytes < 9007199254740992.0) || offset != std::floor(offset) || bytes != std::floor(bytes))
      throw OpError("NATIVE", "[mapFile] expected a range in whole bytes, received " + std::to_string(bytes) + " from " + std::to_string(offset) + ".");
    return Napi::Number::New(info.Env(), mapBuffer(info[0].As<Napi::String>().Utf8Value(), uint64_t(offset), size_t(bytes)));
  });
}

// populate([id, ...]) -> Promise: reads mapped buffers in, on all threads of the pool
Napi::Value populate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() < 1 || !info[0].IsArray()) throw OpError("NATIVE", "[populate] expected an array of buffers.");
    const Napi::Array ids = info[0].As<Napi::Array>();
    auto buffers = std::make_shared<std::vector<BufferRef>>();
    for (uint32_t i = 0; i < ids.Length(); ++i) {
      const Napi::Value id = ids.Get(i);
      BufferRef buffer = id.IsNumber() ? findBuffer(id.As<Napi::Number>().Uint32Value()) : nullptr;
      if (!buffer) throw OpError("DISPOSED", "[populate] expected live buffers, received one that was disposed.");
      if (buffer->mapping()) buffers->push_back(buffer);
    }
    return Task::start(info.Env(), [=] {
      pool()->run([&](const Worker& w) {
        for (size_t i = size_t(w.index); i < buffers->size(); i += size_t(w.count)) (*buffers)[i]->mapping()->populate();
      });
    });
  });
}

// view(id) -> ArrayBuffer over the native memory, which it keeps alive
Napi::Value view(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    BufferRef buffer = findBuffer(identifier(info, 0));
    if (!buffer) throw OpError("DISPOSED", "[view] expected a live tensor, received one that was disposed. Keep it with keep() or create it again.");
    if (buffer->device()) throw OpError("NATIVE", "[view] expected memory of the CPU, received memory of \"" + buffer->device()->name() + "\".");
    BufferRef* held = new BufferRef(buffer);
    return Napi::ArrayBuffer::New(info.Env(), buffer->data(), buffer->bytes(), [](Napi::Env, void*, BufferRef* ref) { delete ref; }, held);
  });
}

// detach(arrayBuffer): later reads through it see zero bytes
Napi::Value detach(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (info.Length() > 0 && info[0].IsArrayBuffer()) info[0].As<Napi::ArrayBuffer>().Detach();
    return info.Env().Undefined();
  });
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const BufferStats s = bufferStats();
  Napi::Object o = Napi::Object::New(env);
  o.Set("liveBuffers", Napi::Number::New(env, double(s.liveBuffers)));
  o.Set("liveBytes", Napi::Number::New(env, double(s.liveBytes)));
  o.Set("peakBytes", Napi::Number::New(env, double(s.peakBytes)));
  o.Set("totalAllocs", Napi::Number::New(env, double(s.totalAllocs)));
  o.Set("mappedBuffers", Napi::Number::New(env, double(s.mappedBuffers)));
  o.Set("mappedBytes", Napi::Number::New(env, double(s.mappedBytes)));
  o.Set("deviceBuffers", Napi::Number::New(env, double(s.deviceBuffers)));
  o.Set("deviceBytes", Napi::Number::New(env, double(s.deviceBytes)));
  return o;
}

// A range of a live buffer from the arguments at `i` and `i + 1`.
struct Place {
  BufferRef buffer;
  size_t offset;
};
Place place(const Napi::CallbackInfo& info, size_t i) {
  Place at{findBuffer(identifier(info, i)), 0};
  if (!at.buffer) throw OpError("DISPOSED", "[copy] expected a live tensor, received one that was disposed. Keep it with keep() or create it again.");
  const double offset = number(info, i + 1);
  if (!(offset >= 0 && offset < 9007199254740992.0)) throw OpError("NATIVE", "[copy] expected an offset in bytes.");
  at.offset = size_t(offset);
  return at;
}

// upload(id, offset, typed array)
Napi::Value upload(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Place to = place(info, 0);
    if (info.Length() < 3 || !info[2].IsTypedArray()) throw OpError("NATIVE", "[upload] expected a typed array.");
    const Napi::TypedArray from = info[2].As<Napi::TypedArray>();
    const char* bytes = static_cast<const char*>(from.ArrayBuffer().Data()) + from.ByteOffset();
    uploadTo(*to.buffer, to.offset, bytes, from.ByteLength());
    return info.Env().Undefined();
  });
}

// download(id, offset, bytes) -> ArrayBuffer with a copy
Napi::Value download(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Place from = place(info, 0);
    const double bytes = number(info, 2);
    if (!(bytes >= 0 && bytes <= double(from.buffer->bytes()))) throw OpError("NATIVE", "[download] expected a size inside the buffer.");
    Napi::ArrayBuffer to = Napi::ArrayBuffer::New(info.Env(), size_t(bytes));
    downloadFrom(*from.buffer, from.offset, to.Data(), size_t(bytes));
    return to;
  });
}

// moveBytes(from id, offset, to id, offset, bytes), both on one device
Napi::Value moveRange(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Place from = place(info, 0), to = place(info, 2);
    const double bytes = number(info, 4);
    if (!(bytes >= 0 && bytes < 9007199254740992.0)) throw OpError("NATIVE", "[moveBytes] expected a size in bytes.");
    moveBytes(*from.buffer, from.offset, *to.buffer, to.offset, size_t(bytes));
    return info.Env().Undefined();
  });
}

// readFile(buffer, bufferOffset, path, fileOffset, bytes) -> Promise. Reads, never maps: a file cut short is an error, not a signal.
Napi::Value readFile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    BufferRef buffer = findBuffer(identifier(info, 0));
    const double at = number(info, 1), from = number(info, 3), bytes = number(info, 4);
    if (!buffer) throw OpError("DISPOSED", "[readFile] expected a live buffer, received one that was disposed.");
    if (buffer->device()) throw OpError("NATIVE", "[readFile] expected memory of the CPU, received memory of \"" + buffer->device()->name() + "\".");
    if (info.Length() < 3 || !info[2].IsString()) throw OpError("NATIVE", "[readFile] expected a path.");
    if (!(at >= 0 && from >= 0 && bytes >= 0 && at + bytes <= double(buffer->bytes())))
      throw OpError("NATIVE", "[readFile] expected a range inside the buffer of " + std::to_string(buffer->bytes()) + " bytes.");
    const std::string path = info[2].As<Napi::String>().Utf8Value();
    return Task::start(info.Env(), [=] {
      const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) throw OpError("LOAD", "[readFile] expected a readable file, received " + path + ": " + std::strerror(errno) + ".");
      char* to = buffer->data() + int64_t(at);
      int64_t left = int64_t(bytes), pos = int64_t(from);
      while (left > 0) {
        const ssize_t n = pread(fd, to, size_t(left), pos);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
          const std::string why = n < 0 ? std::strerror(errno) : "the file ends " + std::to_string(left) + " bytes early";
          close(fd);
          throw OpError("LOAD", "[readFile] expected " + std::to_string(int64_t(bytes)) + " bytes at " + std::to_string(int64_t(from)) + " of " + path + ", received fewer: " + why + ". Download the file again.");
        }
        to += n;
        pos += n;
        left -= n;
      }
      close(fd);
    });
  });
}

}  // namespace

const OpenDevice* device(const Napi::CallbackInfo& info, size_t i) {
  if (i >= info.Length() || info[i].IsUndefined()) return nullptr;
  const uint32_t id = identifier(info, i);
  if (id == 0) return nullptr;
  const OpenDevice* found = findDevice(id);
  if (!found) throw OpError("DEVICE", "[device] expected the number of an opened device, received " + std::to_string(id) + ".");
  return found;
}

const std::vector<Export>& memoryExports() {
  static const std::vector<Export> list = {{"openDevice", openDeviceOf}, {"deviceProperties", deviceProperties}, {"alloc", alloc}, {"free", freeOne}, {"view", view},
                                           {"detach", detach}, {"upload", upload}, {"download", download}, {"moveBytes", moveRange}, {"stats", stats},
                                           {"readFile", readFile}, {"mapFile", mapFile}, {"populate", populate}};
  return list;
}

}  // namespace rotor
