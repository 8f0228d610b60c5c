// A loaded model: texts or given tokens to trees. What posmoe.h opens to C, and runtime/posmoe/pipeline.py is to Python.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analysis.h"
#include "bundle.h"
#include "labeller.h"
#include "writers.h"

namespace posmoe {

// Holds copies: nothing of the bundle's files is needed after construction. Immutable: any number of threads may share one.
class Parser {
 public:
  // Throws BundleError, or EngineError where $POSMOE_ISA names an instruction set that is not there.
  explicit Parser(BundleFiles files);

  const Bundle& bundle() const { return bundle_; }
  const Names& names() const { return names_; }
  const Features& features() const { return *features_; }
  const Labeller& labeller() const { return *labeller_; }
  // Throws EngineError where the core can't compute this network.
  const Network& network() const;
  // What the network's kernels use, or "" where the core can't compute this network.
  const char* instruction_set() const { return network_ ? network_->instruction_set() : ""; }

  // The words of a text in valid UTF-8; with `lines` every line is one sentence. Throws InputError past 4 GiB.
  Analysis words(std::string text, bool lines) const;
  // The words of given sentences, whose forms are valid UTF-8. Throws InputError for a blank form or no words.
  static Analysis words(const std::vector<std::vector<GivenToken>>& sentences);

  // Fills in the trees; `gold` is null, or holds null or a known tag or -1 a word for every text.
  // Throws EngineError where the core can't compute this network, DecodeError where scores give no tree.
  void parse(std::vector<Analysis>& texts, const std::vector<const int32_t*>* gold = nullptr) const;

 private:
  explicit Parser(OpenBundle opened);

  Bundle bundle_;
  Names names_;  // of bundle_
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<const Features> features_;
  std::unique_ptr<const Labeller> labeller_;
  std::unique_ptr<const Network> network_;
  std::unique_ptr<const Analyser> analyser_;
};

}  // namespace posmoe
