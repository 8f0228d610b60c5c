// The C library around ONNX Runtime: parse_onnxruntime BUNDLE TEXT ROUNDS
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "onnx_parser.h"

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: parse_onnxruntime BUNDLE TEXT ROUNDS\n"), 2;
  std::ifstream file(argv[2], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const OnnxParser parser(argv[1]);
    using Clock = std::chrono::steady_clock;
    std::chrono::duration<double> seconds{};
    posmoe_document document = nullptr;
    for (int turn = 0, rounds = std::atoi(argv[3]); turn <= rounds; ++turn) {
      posmoe_free_document(document);
      const auto begin = Clock::now();
      document = parser({text}, POSMOE_LINES)[0];
      if (turn > 0) seconds += Clock::now() - begin;
    }
    char* conllu = nullptr;
    size_t size = 0;
    if (posmoe_write(document, POSMOE_CONLLU, 1, &conllu, &size) != POSMOE_OK) throw ParseError(posmoe_error());
    std::fwrite(conllu, 1, size, stdout);
    posmoe_free_text(conllu);
    posmoe_free_document(document);
    return std::fprintf(stderr, "%.9f\n", seconds.count()), 0;
  } catch (const ParseError& error) {
    return std::fprintf(stderr, "error: %s\n", error.what()), 1;
  }
}
