// Parses standard input by ONNX Runtime and writes CoNLL-U: parse BUNDLE < text
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "onnx_parser.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: parse BUNDLE < text\n"), 2;
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  try {
    const OnnxParser parser(argv[1]);
    const posmoe_document document = parser({text})[0];
    char* conllu = nullptr;
    size_t size = 0;
    if (posmoe_write(document, POSMOE_CONLLU, 1, &conllu, &size) != POSMOE_OK) throw ParseError(posmoe_error());
    std::fwrite(conllu, 1, size, stdout);
    posmoe_free_text(conllu);
    posmoe_free_document(document);
    return 0;
  } catch (const ParseError& error) {
    return std::fprintf(stderr, "error: %s\n", error.what()), 1;
  }
}
