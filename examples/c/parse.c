/* Prints every word of a text with its tag, its head and their relation: parse MODEL TEXT */
#include <posmoe.h>
#include <stdio.h>

int main(int argc, char **argv) {
  posmoe_model model = NULL;
  posmoe_document document = NULL;
  posmoe_columns c = POSMOE_COLUMNS_INIT;
  size_t i;
  if (argc != 3) return fprintf(stderr, "usage: parse MODEL TEXT\n"), 2;
  if (posmoe_load(argv[1], &model) || posmoe_parse(model, argv[2], POSMOE_TERMINATED, 0, &document) ||
      posmoe_read(document, &c)) {
    fprintf(stderr, "error: %s\n", posmoe_error());
  }
  for (i = 0; i < c.words; ++i) {
    printf("%s\t%s\t%d\t%s\n", c.forms + c.form[i], c.tag_names[c.upos[i]], (int)c.head[i], c.deprel_names[c.deprel[i]]);
  }
  posmoe_free_document(document);
  posmoe_free_model(model);
  return c.words == 0;
}
