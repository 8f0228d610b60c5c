// A bundle's exported graph in ONNX Runtime, between posmoe's tokeniser and features before it and its decoder behind.
#pragma once

#include <onnxruntime_c_api.h>
#include <posmoe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// What posmoe or ONNX Runtime refused, with their message.
struct ParseError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thread-safe once made: any number of threads may parse.
class OnnxParser {
 public:
  // `bundle` is a folder with model.onnx; `threads` compute one batch. Throws ParseError.
  explicit OnnxParser(const std::string& bundle, int threads = 1);

  // A document for every text, which the caller frees; flags as posmoe_parse. Throws ParseError.
  std::vector<posmoe_document> operator()(const std::vector<std::string_view>& texts, uint32_t flags = 0) const;

 private:
  template <auto free>
  struct Free {
    const OrtApi* api;
    template <typename T>
    void operator()(T* object) const {
      (api->*free)(object);
    }
  };
  template <typename T, auto free>
  using Owned = std::unique_ptr<T, Free<free>>;

  void check(OrtStatus* status) const;
  void run(posmoe_draft draft, const posmoe_batch& batch) const;

  struct FreeModel {
    void operator()(posmoe_model model) const { posmoe_free_model(model); }
  };

  std::unique_ptr<posmoe_model_handle, FreeModel> model_;
  const OrtApi* api_;
  Owned<OrtEnv, &OrtApi::ReleaseEnv> environment_;
  Owned<OrtSession, &OrtApi::ReleaseSession> session_;
  Owned<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo> memory_;
};
