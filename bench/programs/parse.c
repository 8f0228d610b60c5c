/* The C library: parse BUNDLE TEXT ROUNDS */
#define _POSIX_C_SOURCE 199309L
#include <posmoe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST (16 << 20) /* bytes of a text */

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv) {
  static char text[MOST];
  posmoe_model model = NULL;
  posmoe_document document = NULL;
  char *conllu = NULL;
  size_t size = 0, length = 0;
  int turn, rounds = argc == 4 ? atoi(argv[3]) : 0;
  double seconds = 0, begin;
  FILE *file = argc == 4 ? fopen(argv[2], "rb") : NULL;
  if (!file) return fprintf(stderr, "usage: parse BUNDLE TEXT ROUNDS\n"), 2;
  size = fread(text, 1, MOST, file);
  fclose(file);
  if (posmoe_load(argv[1], &model)) goto failed;
  for (turn = 0; turn <= rounds; ++turn) {
    posmoe_free_document(document);
    begin = now();
    if (posmoe_parse(model, text, size, POSMOE_LINES, &document)) goto failed;
    if (turn > 0) seconds += now() - begin;
  }
  if (posmoe_write(document, POSMOE_CONLLU, 1, &conllu, &length)) goto failed;
  fwrite(conllu, 1, length, stdout);
  posmoe_free_text(conllu);
  posmoe_free_document(document);
  posmoe_free_model(model);
  return fprintf(stderr, "%.9f\n", seconds), 0;
failed:
  return fprintf(stderr, "error: %s\n", posmoe_error()), 1;
}
