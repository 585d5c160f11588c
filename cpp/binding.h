// How the addon speaks with JavaScript: errors, arguments, promises; and the functions that are in files of their own.
#pragma once
#include <napi.h>

#include <functional>
#include <string>
#include <vector>

#include "backend.h"
#include "devices.h"

namespace rotor {

inline Napi::Error toError(Napi::Env env, const char* code, const std::string& text) {
  Napi::Error error = Napi::Error::New(env, text);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

// Runs `body`, turning C++ exceptions into JavaScript ones.
template <class F>
auto guarded(Napi::Env env, F body) -> decltype(body()) {
  try {
    return body();
  } catch (const OpError& e) {
    throw toError(env, e.code, e.what());
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& e) {
    throw toError(env, "NATIVE", std::string("[native] ") + e.what());
  }
}

inline double number(const Napi::CallbackInfo& info, size_t i) {
  if (i >= info.Length() || !info[i].IsNumber()) throw OpError("NATIVE", "[native] expected a number as argument " + std::to_string(i) + ".");
  return info[i].As<Napi::Number>().DoubleValue();
}

inline uint32_t identifier(const Napi::CallbackInfo& info, size_t i) {
  const double v = number(info, i);
  return v >= 0 && v <= 4294967295.0 ? uint32_t(v) : 0;
}

// Work off the JavaScript thread that ends in a promise.
class Task : public Napi::AsyncWorker {
 public:
  using Body = std::function<void()>;
  Task(Napi::Env env, Body body, std::function<Napi::Value(Napi::Env)> result)
      : AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), body_(std::move(body)), result_(std::move(result)) {}
  static Napi::Value start(Napi::Env env, Body body, std::function<Napi::Value(Napi::Env)> result = [](Napi::Env e) { return e.Undefined(); }) {
    Task* task = new Task(env, std::move(body), std::move(result));
    Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }
  void Execute() override {
    try {
      body_();
    } catch (const OpError& e) {
      code_ = e.code;
      SetError(e.what());
    } catch (const std::exception& e) {
      SetError(e.what());
    }
  }
  void OnOK() override { deferred_.Resolve(result_(Env())); }
  void OnError(const Napi::Error& e) override { deferred_.Reject(toError(Env(), code_, e.Message()).Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Body body_;
  std::function<Napi::Value(Napi::Env)> result_;
  const char* code_ = "NATIVE";
};

// An entry of the addon's exports.
struct Export {
  const char* name;
  Napi::Value (*fn)(const Napi::CallbackInfo&);
};

// The opened device that an argument names by its number; null for 0 and none, the CPU.
const OpenDevice* device(const Napi::CallbackInfo& info, size_t i);

// Memory and devices, in binding_memory.cc.
const std::vector<Export>& memoryExports();

}  // namespace rotor
