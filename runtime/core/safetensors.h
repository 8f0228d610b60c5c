// A reader of the safetensors format; it trusts nothing that the file says about itself.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posmoe {

// The tensors of one file, whose bytes must outlive it.
class SafeTensors {
 public:
  struct Entry {
    std::string type;  // as the file names it, such as F32
    std::vector<size_t> shape;
    const void* data;  // aligned for the type
    size_t size;       // elements
  };

  // Throws BundleError where the header is cut short or malformed, or where tensors leave a gap, overlap or lie outside.
  // `name` is what the message calls the file.
  SafeTensors(std::string_view data, const std::string& name);

  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
  std::vector<std::unique_ptr<char[]>> copies_;  // of tensors that lie unaligned
};

}  // namespace posmoe
