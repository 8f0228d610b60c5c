#include "parser.h"

#include "candidates.h"
#include "kept.h"

namespace posmoe {
namespace {

// Builds a part from what a bundle says; what the part refuses is the bundle's fault.
template <typename Make>
auto built(const std::string& where, Make make) {
  try {
    return make();
  } catch (const std::invalid_argument& error) {
    throw BundleError(where + ": " + error.what() + ".");
  }
}

// The tensors that the network knows; others read the rest.
Tensors network_tensors(const SafeTensors& tensors) {
  Tensors result;
  for (const auto& [name, entry] : tensors.entries()) {
    const bool codes = entry.type == "I8";
    if (name != "tokenizer.weights" && (codes || entry.type == "F32")) result[name] = {entry.data, codes, entry.shape};
  }
  return result;
}

std::string instruction_set_here() {
  try {
    return kernels().name;
  } catch (const std::invalid_argument& error) {
    throw EngineError(std::string("the native engine can't start: $POSMOE_ISA: ") + error.what() + ".");
  }
}

bool blank(const std::string& form) { return form.find_first_not_of(" \t\r\n") == std::string::npos; }

}  // namespace

Parser::Parser(BundleFiles files) : Parser(open_bundle(files)) {}

Parser::Parser(OpenBundle opened) : bundle_(std::move(opened.bundle)) {
  const SafeTensors& tensors = opened.tensors;
  const auto& entries = tensors.entries();
  names_.tags.assign(bundle_.tags.begin(), bundle_.tags.end());
  names_.labels.assign(bundle_.labels.begin(), bundle_.labels.end());
  tokenizer_ = built(bundle_.where, [&] {
    const SafeTensors::Entry& weights = entries.at("tokenizer.weights");
    const auto* data = static_cast<const int8_t*>(weights.data);
    return std::make_unique<const Tokenizer>(bundle_.tokenizer, std::vector<int8_t>(data, data + weights.size));
  });
  features_ = built(bundle_.where, [&] {
    return std::make_unique<const Features>(bundle_.features,
                                            static_cast<const uint32_t*>(entries.at("features.keys").data));
  });
  labeller_ = std::make_unique<const Labeller>(bundle_, tensors);
  if (!bundle_.refusal.empty()) return;
  const std::string isa = instruction_set_here();
  network_ = built(bundle_.where, [&] {
    return std::make_unique<const Network>(bundle_.network, network_tensors(tensors), isa.c_str());
  });
  analyser_ = std::make_unique<const Analyser>(*features_, *network_, bundle_.max_sentence, bundle_.joining);
}

Analysis Parser::words(std::string text, bool lines) const {
  Analysis result;
  try {
    result.text = PointWords((*tokenizer_)(std::move(text), lines));
  } catch (const std::invalid_argument& error) {
    throw InputError(error.what());
  }
  return result;
}

Analysis Parser::words(const std::vector<std::vector<GivenToken>>& sentences) {
  for (size_t s = 0; s < sentences.size(); ++s) {
    const std::string where = "sentence " + std::to_string(s);
    if (sentences[s].empty()) throw InputError(where + ": expected at least one word, got none");
    for (size_t w = 0; w < sentences[s].size(); ++w) {
      if (blank(sentences[s][w].form)) throw InputError(where + ", word " + std::to_string(w) + ": expected a word, got a blank");
    }
  }
  Analysis result;
  try {
    result.text = PointWords(Words::from_tokens(sentences));
  } catch (const std::invalid_argument& error) {
    throw InputError(error.what());
  }
  return result;
}

const Network& Parser::network() const {
  if (!network_) throw EngineError("the native engine can't run " + bundle_.where + ": " + bundle_.refusal);
  return *network_;
}

void Parser::parse(std::vector<Analysis>& texts, const std::vector<const int32_t*>* gold) const {
  network();
  const std::vector<const int32_t*> none(gold ? 0 : texts.size(), nullptr);
  Kept<AnalyserSpace> space;
  (*analyser_)(texts, gold ? *gold : none, *space);
}

}  // namespace posmoe
