// Stands in for libFuzzer where the compiler has none: runs files, then mutations of them; the same seed, the same inputs.
//
//   fuzz_X [-runs=N] [-seed=S] FILE|FOLDER...
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "input.h"

// A sanitizer's finding ends in SIGABRT, as any other.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }
extern "C" const char* __tsan_default_options() { return "abort_on_error=1:halt_on_error=1"; }

namespace {

using Bytes = std::vector<uint8_t>;

Bytes current;

// Keeps the input that failed.
void keep(int) {
  std::ofstream file("crash-input", std::ios::binary);
  file.write(reinterpret_cast<const char*>(current.data()), static_cast<std::streamsize>(current.size()));
  file.close();
  std::cerr << "the input is in ./crash-input\n";
}

void run(Bytes input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

std::vector<Bytes> read(const std::vector<std::string>& paths) {
  std::vector<Bytes> found;
  const auto add = [&](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    found.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      add(path);
      continue;
    }
    std::vector<std::filesystem::path> files(std::filesystem::directory_iterator{path}, {});
    std::sort(files.begin(), files.end());
    for (const auto& file : files) add(file);
  }
  return found;
}

Bytes mutated(const std::vector<Bytes>& corpus, std::mt19937& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  Bytes bytes = corpus[below(corpus.size())];
  for (size_t changes = 1 + below(6); changes > 0; --changes) {
    const size_t at = below(bytes.size() + 1);
    switch (below(5)) {
      case 0:  // a byte more
        bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), static_cast<uint8_t>(random()));
        break;
      case 1:  // some bytes less
        bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at),
                    bytes.begin() + static_cast<ptrdiff_t>(std::min(bytes.size(), at + below(8))));
        break;
      case 2:  // a bit turned
        if (at < bytes.size()) bytes[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 3:  // another byte
        if (at < bytes.size()) bytes[at] = static_cast<uint8_t>(random());
        break;
      default: {  // a part of another input
        const Bytes& other = corpus[below(corpus.size())];
        const size_t from = below(other.size() + 1), count = below(other.size() - from + 1);
        bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), other.begin() + static_cast<ptrdiff_t>(from),
                     other.begin() + static_cast<ptrdiff_t>(from + count));
      }
    }
  }
  return bytes;
}

}  // namespace

int main(int count, char** arguments) {
  unsigned long runs = 0, seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument.rfind("-runs=", 0) == 0) {
      runs = std::stoul(argument.substr(6));
    } else if (argument.rfind("-seed=", 0) == 0) {
      seed = std::stoul(argument.substr(6));
    } else {
      paths.push_back(argument);
    }
  }
  std::signal(SIGABRT, keep);
  const std::vector<Bytes> corpus = read(paths);
  for (const Bytes& input : corpus) run(input);
  if (corpus.empty()) runs = 0;
  std::mt19937 random(static_cast<uint32_t>(seed));
  for (unsigned long i = 0; i < runs; ++i) run(mutated(corpus, random));
  std::cout << corpus.size() << " inputs and " << runs << " mutations passed\n";
  return 0;
}
