// What the parts above the kernels throw; whoever binds them to another language tells these apart.
#pragma once

#include <stdexcept>

namespace posmoe {

// What was given to be parsed cannot be parsed.
struct InputError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// A bundle is missing, cut short, altered, of another version, or at odds with itself.
struct BundleError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// This build cannot compute the bundle's network.
struct EngineError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace posmoe
