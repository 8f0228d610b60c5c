// Where a thread's time goes, by stage of the analysis: off unless asked for, then one reading of the clock a stage and
// block of sentences (for what is done sentence by sentence, a sentence).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace posmoe {

enum class Stage : uint8_t { tokenise, features, lookup, recurrences, dense, arcs, decode, labels, columns };
inline constexpr std::array<const char*, 9> kStages{"tokenise", "features", "lookup", "recurrences", "dense",
                                                    "arcs",     "decode",   "labels", "columns"};

// Not thread-safe: every thread has its own.
class StageClock {
 public:
  // Switches it on or off, at zero.
  void turn(bool on) {
    on_ = on;
    nanoseconds_.fill(0);
  }
  // What follows is counted from here.
  void start() {
    if (on_) last_ = now();
  }
  // What was done since the last reading was of this stage.
  void mark(Stage stage) {
    if (!on_) return;
    const int64_t time = now();
    nanoseconds_[static_cast<size_t>(stage)] += time - last_;
    last_ = time;
  }
  const std::array<int64_t, kStages.size()>& nanoseconds() const { return nanoseconds_; }

 private:
  static int64_t now() {
    using namespace std::chrono;
    return duration_cast<std::chrono::nanoseconds>(steady_clock::now().time_since_epoch()).count();
  }

  bool on_ = false;
  int64_t last_ = 0;
  std::array<int64_t, kStages.size()> nanoseconds_{};
};

}  // namespace posmoe
