/* posmoe in C: raw text to Universal Dependencies trees. Link with libposmoe; see docs/guide/c.md.
 *
 * Every function that can fail returns a status; posmoe_error() then says what was wrong. Nothing throws, aborts or prints.
 * Null, bad UTF-8, a bad path, and a handle that is of another kind, freed or made up are errors, never a crash.
 *
 * Threads: all functions may be called at a time from any thread, on the same handles too. A model is immutable: one serves
 * all threads, and parsing takes no lock. A draft works for one thread at a time; others wait. What a handle's functions
 * point to is valid until that handle is freed.
 *
 * ABI: functions and statuses are only ever added while POSMOE_ABI stays the same. A structure that may grow begins with its
 * size, which its _INIT sets and the library minds.
 */
#ifndef POSMOE_H
#define POSMOE_H

#include <stddef.h>
#include <stdint.h>

#if defined(POSMOE_STATIC)
#define POSMOE_API
#elif defined(_WIN32) && defined(POSMOE_BUILD)
#define POSMOE_API __declspec(dllexport)
#elif defined(_WIN32)
#define POSMOE_API __declspec(dllimport)
#elif defined(__GNUC__)
#define POSMOE_API __attribute__((visibility("default")))
#else
#define POSMOE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define POSMOE_ABI 1

typedef int32_t posmoe_status;
#define POSMOE_OK 0
#define POSMOE_ERROR_ARGUMENT 1 /* null, or a number out of bounds */
#define POSMOE_ERROR_HANDLE 2   /* of another kind, freed, or never given out */
#define POSMOE_ERROR_INPUT 3    /* what can't be parsed: no UTF-8, 4 GiB or more, a blank word */
#define POSMOE_ERROR_BUNDLE 4   /* missing, cut short, altered, of another version, at odds with itself */
#define POSMOE_ERROR_ENGINE 5   /* the library can't compute this network */
#define POSMOE_ERROR_DECODE 6   /* scores from which no tree can be built */
#define POSMOE_ERROR_MEMORY 7
#define POSMOE_ERROR_INTERNAL 8 /* a fault of the library: please report it */

/* Handles. They are no addresses: a freed one is never given out again. */
typedef struct posmoe_model_handle *posmoe_model;
typedef struct posmoe_document_handle *posmoe_document;
typedef struct posmoe_draft_handle *posmoe_draft;

/* ---- the library ---- */

/* The POSMOE_ABI that the library was built with: compare it with that of this header. */
POSMOE_API uint32_t posmoe_abi(void);
/* Such as "0.1.0". */
POSMOE_API const char *posmoe_version(void);
/* What was wrong with this thread's last call that failed, in UTF-8; "" before any. Valid until its next call that fails. */
POSMOE_API const char *posmoe_error(void);

/* ---- models ---- */

/* Opens and checks a bundle: a folder, its path in UTF-8. */
POSMOE_API posmoe_status posmoe_load(const char *path, posmoe_model *model);

typedef struct posmoe_file {
  const char *name;
  const void *data;
  size_t size;
} posmoe_file;

/* The same from files in memory: manifest.json and weights.safetensors, and any other of the bundle, which are checked too.
 * The bytes are not needed afterwards. */
POSMOE_API posmoe_status posmoe_load_files(const posmoe_file *files, size_t count, posmoe_model *model);

typedef struct posmoe_info {
  size_t struct_size;
  const char *name, *version, *language;
  const char *instruction_set; /* of the native engine; "": it can't compute this network, see refusal */
  const char *refusal;
  size_t tags, deprels;
  const char *const *tag_names;    /* [tags] */
  const char *const *deprel_names; /* [deprels] */
  size_t max_sentence;             /* words; longer sentences are cut */
  size_t label_rank;               /* q of the graph's outputs label_dependent and label_head */
} posmoe_info;
#define POSMOE_INFO_INIT {sizeof(posmoe_info), NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, 0, 0}

POSMOE_API posmoe_status posmoe_model_info(posmoe_model model, posmoe_info *info);
/* Null is fine. Documents and drafts of the model stay whole. */
POSMOE_API posmoe_status posmoe_free_model(posmoe_model model);

/* ---- parsing ---- */

#define POSMOE_LINES 1u  /* every line of the text is one sentence */
#define POSMOE_REPAIR 2u /* what is no UTF-8 becomes U+FFFD, in place of an error */
#define POSMOE_TERMINATED ((size_t)-1) /* as a text's size: it ends at its first zero byte */

/* Parses one text in UTF-8 of `size` bytes. */
POSMOE_API posmoe_status posmoe_parse(posmoe_model model, const char *text, size_t size, uint32_t flags,
                                      posmoe_document *document);
/* Parses `count` texts together, which is faster for short ones: one document for each, or on failure none. `sizes` may be
 * null: all end at their first zero byte. */
POSMOE_API posmoe_status posmoe_parse_many(posmoe_model model, const char *const *texts, const size_t *sizes, size_t count,
                                           uint32_t flags, posmoe_document *documents);
/* Parses sentences that are cut into words already: sentence s has the words ends[s - 1] .. ends[s] (the first from 0).
 * `tags` is null, or has for every word the index of a tag that is known, or -1: tags and relations follow it. The
 * document's text joins the words by spaces, the sentences by line breaks. */
POSMOE_API posmoe_status posmoe_parse_words(posmoe_model model, const char *const *words, const size_t *ends,
                                            size_t sentences, const int32_t *tags, posmoe_document *document);

/* ---- documents ---- */

/* A document's columns. A token is what stands in the text; a multiword token ("don't") has several words. */
typedef struct posmoe_columns {
  size_t struct_size;
  const char *text; /* in UTF-8, with a zero byte behind */
  size_t text_size;
  size_t words, tokens, sentences;
  size_t cut; /* sentences that were longer than the model's bound */
  /* for every word, [words] */
  const char *forms;            /* every form with a zero byte behind; form i begins at forms + form[i] */
  const uint32_t *form;
  const int32_t *upos;          /* index into tag_names */
  const int32_t *head;          /* 0: the root, else the head's place in the sentence, from 1 */
  const int32_t *deprel;        /* index into deprel_names */
  const uint32_t *start, *end;  /* in bytes of the text; a word that is no part of it has its token's */
  const uint32_t *start_point, *end_point; /* the same in code points */
  const uint32_t *token;        /* its token */
  /* for every token, [tokens]; of token_word [tokens + 1] */
  const uint32_t *token_word;   /* token t has the words token_word[t] .. token_word[t + 1] */
  const uint32_t *token_start, *token_end, *token_start_point, *token_end_point;
  const uint8_t *space_after;   /* white space or the end of the text follows */
  const uint32_t *sentence;     /* [sentences + 1]: sentence s has the words sentence[s] .. sentence[s + 1] */
  /* of the model */
  const char *const *tag_names;
  const char *const *deprel_names;
} posmoe_columns;
#define POSMOE_COLUMNS_INIT \
  {sizeof(posmoe_columns), NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
   NULL, NULL, NULL, NULL, NULL, NULL}

POSMOE_API posmoe_status posmoe_read(posmoe_document document, posmoe_columns *columns);

#define POSMOE_CONLLU 0 /* CoNLL-U */
#define POSMOE_JSONL 1  /* a JSON object a line for every sentence */

/* Writes the document, its sentences numbered from `first`: `size` bytes in UTF-8, and a zero byte behind. */
POSMOE_API posmoe_status posmoe_write(posmoe_document document, uint32_t format, uint64_t first, char **text, size_t *size);
/* Frees what posmoe_write gave. Null is fine. */
POSMOE_API posmoe_status posmoe_free_text(char *text);
/* Null is fine. */
POSMOE_API posmoe_status posmoe_free_document(posmoe_document document);

/* ---- another engine for the network, such as ONNX Runtime on the bundle's model.onnx ----
 *
 * posmoe_begin; then, until a batch has no sentences: posmoe_next, run the graph, posmoe_score; then posmoe_finish. */

/* Cuts `count` texts into words; arguments as posmoe_parse_many. */
POSMOE_API posmoe_status posmoe_begin(posmoe_model model, const char *const *texts, const size_t *sizes, size_t count,
                                      uint32_t flags, posmoe_draft *draft);

typedef struct posmoe_batch {
  size_t struct_size;
  size_t sentences;        /* 0: all are scored */
  size_t length;           /* of the longest, in words */
  size_t features;         /* numbers a word: 6 */
  const int32_t *rows;     /* the input `features`, [sentences, length, features] */
  const int64_t *lengths;  /* the input `lengths`, [sentences] */
} posmoe_batch;
#define POSMOE_BATCH_INIT {sizeof(posmoe_batch), 0, 0, 0, NULL, NULL}

/* The next batch, the same again until it is scored; valid until then. */
POSMOE_API posmoe_status posmoe_next(posmoe_draft draft, posmoe_batch *batch);

/* The graph's outputs of a batch of B sentences and length T; see docs/bundle.md. */
typedef struct posmoe_scores {
  size_t struct_size;
  size_t candidates;            /* C */
  const float *tag_scores;      /* [B, T, tags] */
  const float *arc_scores;      /* [B, T, C] */
  const int64_t *arc_heads;     /* [B, T, C] */
  const float *label_dependent; /* [B, T, label_rank] */
  const float *label_head;      /* [B, T + 1, label_rank] */
} posmoe_scores;
#define POSMOE_SCORES_INIT {sizeof(posmoe_scores), 0, NULL, NULL, NULL, NULL, NULL}

POSMOE_API posmoe_status posmoe_score(posmoe_draft draft, const posmoe_scores *scores);
/* Gives the `count` documents of posmoe_begin and frees the draft; neither where an argument is wrong. */
POSMOE_API posmoe_status posmoe_finish(posmoe_draft draft, size_t count, posmoe_document *documents);
/* Null is fine. */
POSMOE_API posmoe_status posmoe_free_draft(posmoe_draft draft);

#ifdef __cplusplus
}
#endif

#endif
