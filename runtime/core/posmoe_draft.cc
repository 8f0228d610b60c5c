// The C API: another engine for the network.
#include <algorithm>
#include <memory>
#include <mutex>

#include "posmoe_objects.h"

using namespace posmoe::c;
using posmoe::Draft;

posmoe_status posmoe_begin(posmoe_model model, const char* const* given, const size_t* sizes, size_t count, uint32_t flags,
                           posmoe_draft* draft) {
  return guarded([&] {
    require(draft, "expected where to put the draft, got null");
    *draft = nullptr;
    const std::shared_ptr<const Model> known = found(models(), model, kModel);
    *draft = drafts().add(std::make_shared<Task>(known, words_of(known->parser, given, sizes, count, flags)));
  });
}

posmoe_status posmoe_next(posmoe_draft draft, posmoe_batch* batch) {
  return guarded([&] {
    const auto task = found(drafts(), draft, kDraft);
    require(batch, "expected where to put the batch, got null");
    const std::lock_guard<std::mutex> lock(task->mutex);
    const Draft::Batch& next = task->draft.next();
    give({sizeof(posmoe_batch), next.sentences, next.length, posmoe::kFeatures, next.features.data(), next.lengths.data()},
         batch);
  });
}

posmoe_status posmoe_score(posmoe_draft draft, const posmoe_scores* scores) {
  return guarded([&] {
    const auto task = found(drafts(), draft, kDraft);
    require(scores && scores->struct_size >= sizeof(posmoe_scores), "expected scores that POSMOE_SCORES_INIT has set");
    require(scores->tag_scores && scores->arc_scores && scores->arc_heads && scores->label_dependent && scores->label_head,
            "expected all five outputs of the graph, got null");
    require(scores->candidates > 0, "expected one candidate at least");
    const std::lock_guard<std::mutex> lock(task->mutex);
    require(task->draft.open(), "there is no batch to be scored: ask for the next one first");
    task->draft.score({scores->tag_scores, scores->arc_scores, scores->arc_heads, scores->label_dependent,
                       scores->label_head, scores->candidates});
  });
}

posmoe_status posmoe_finish(posmoe_draft draft, size_t count, posmoe_document* to) {
  return guarded([&] {
    const auto task = found(drafts(), draft, kDraft);
    const std::lock_guard<std::mutex> lock(task->mutex);
    require(count == task->texts, "expected room for as many documents as there are texts");
    require(to || count == 0, "expected where to put the documents, got null");
    require(task->draft.scored(), "expected scores for every batch before the end");
    if (!drafts().remove(draft)) throw HandleError("the draft was freed meanwhile");
    if (count) std::fill_n(to, count, nullptr);
    deliver(task->model, task->draft.finish(), to);
  });
}

posmoe_status posmoe_free_draft(posmoe_draft draft) { return freed(drafts(), draft, kDraft); }
