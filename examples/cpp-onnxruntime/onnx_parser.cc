#include "onnx_parser.h"

#include <array>
#include <filesystem>

namespace {

constexpr std::array<const char*, 2> kInputs{"features", "lengths"};
constexpr std::array<const char*, 5> kOutputs{"tag_scores", "arc_scores", "arc_heads", "label_dependent", "label_head"};

void check(posmoe_status status) {
  if (status != POSMOE_OK) throw ParseError(posmoe_error());
}

posmoe_model loaded(const std::string& bundle) {
  posmoe_model model = nullptr;
  check(posmoe_load(bundle.c_str(), &model));
  return model;
}

// The API of the version that the header is of; null where the library is older.
const OrtApi* api() {
  const OrtApiBase* base = OrtGetApiBase();
  if (const OrtApi* found = base->GetApi(ORT_API_VERSION)) return found;
  throw ParseError(std::string("expected an ONNX Runtime of API ") + std::to_string(ORT_API_VERSION) + ", got " +
                   base->GetVersionString());
}

// Frees what a call gave when the scope ends.
template <typename Free>
struct Finally {
  Free free;
  ~Finally() { free(); }
};
template <typename Free>
Finally(Free) -> Finally<Free>;

}  // namespace

void OnnxParser::check(OrtStatus* status) const {
  if (status == nullptr) return;
  const std::string message = api_->GetErrorMessage(status);
  api_->ReleaseStatus(status);
  throw ParseError("ONNX Runtime: " + message);
}

OnnxParser::OnnxParser(const std::string& bundle, int threads)
    : model_(loaded(bundle)), api_(api()), environment_(nullptr, {api_}), session_(nullptr, {api_}), memory_(nullptr, {api_}) {
  OrtEnv* environment = nullptr;
  check(api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "posmoe", &environment));
  environment_.reset(environment);
  OrtSessionOptions* options = nullptr;
  check(api_->CreateSessionOptions(&options));
  const Finally release{[&] { api_->ReleaseSessionOptions(options); }};
  check(api_->SetIntraOpNumThreads(options, threads));
  check(api_->DisableMemPattern(options));  // lengths differ from batch to batch
  OrtSession* session = nullptr;
  const std::filesystem::path graph = std::filesystem::u8path(bundle) / "model.onnx";
  check(api_->CreateSession(environment, graph.c_str(), options, &session));
  session_.reset(session);
  OrtMemoryInfo* memory = nullptr;
  check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  memory_.reset(memory);
}

// Runs the graph on a batch and gives its outputs back.
void OnnxParser::run(posmoe_draft draft, const posmoe_batch& batch) const {
  const std::array<int64_t, 3> shape{static_cast<int64_t>(batch.sentences), static_cast<int64_t>(batch.length),
                                     static_cast<int64_t>(batch.features)};
  std::array<OrtValue*, 2> inputs{};
  std::array<OrtValue*, 5> outputs{};
  const Finally release{[&] {
    for (OrtValue* value : inputs) api_->ReleaseValue(value);
    for (OrtValue* value : outputs) api_->ReleaseValue(value);
  }};
  const size_t count = batch.sentences * batch.length * batch.features;
  check(api_->CreateTensorWithDataAsOrtValue(memory_.get(), const_cast<int32_t*>(batch.rows), count * sizeof(int32_t),
                                             shape.data(), 3, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, &inputs[0]));
  check(api_->CreateTensorWithDataAsOrtValue(memory_.get(), const_cast<int64_t*>(batch.lengths),
                                             batch.sentences * sizeof(int64_t), shape.data(), 1,
                                             ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &inputs[1]));
  check(api_->Run(session_.get(), nullptr, kInputs.data(), inputs.data(), inputs.size(), kOutputs.data(), outputs.size(),
                  outputs.data()));
  std::array<void*, 5> data{};
  for (size_t i = 0; i < data.size(); ++i) check(api_->GetTensorMutableData(outputs[i], &data[i]));
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api_->GetTensorTypeAndShape(outputs[1], &info));
  std::array<int64_t, 3> arcs{};
  OrtStatus* const status = api_->GetDimensions(info, arcs.data(), arcs.size());
  api_->ReleaseTensorTypeAndShapeInfo(info);
  check(status);
  posmoe_scores scores = POSMOE_SCORES_INIT;
  scores.candidates = static_cast<size_t>(arcs[2]);
  scores.tag_scores = static_cast<const float*>(data[0]);
  scores.arc_scores = static_cast<const float*>(data[1]);
  scores.arc_heads = static_cast<const int64_t*>(data[2]);
  scores.label_dependent = static_cast<const float*>(data[3]);
  scores.label_head = static_cast<const float*>(data[4]);
  ::check(posmoe_score(draft, &scores));
}

std::vector<posmoe_document> OnnxParser::operator()(const std::vector<std::string_view>& texts, uint32_t flags) const {
  std::vector<const char*> data;
  std::vector<size_t> sizes;
  for (std::string_view text : texts) {
    data.push_back(text.data());
    sizes.push_back(text.size());
  }
  posmoe_draft draft = nullptr;
  ::check(posmoe_begin(model_.get(), data.data(), sizes.data(), texts.size(), flags, &draft));
  const Finally release{[&] { posmoe_free_draft(draft); }};  // after posmoe_finish it is freed already
  for (;;) {
    posmoe_batch batch = POSMOE_BATCH_INIT;
    ::check(posmoe_next(draft, &batch));
    if (batch.sentences == 0) break;
    run(draft, batch);
  }
  std::vector<posmoe_document> documents(texts.size());
  ::check(posmoe_finish(draft, documents.size(), documents.data()));
  return documents;
}
