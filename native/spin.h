// Whether waiting a moment without sleeping is worth it for one reader: programs that open and read one small file after
// another send the next request within microseconds of the last answer, and a sleep and a wake-up cost more than that.
// Each wait in vain costs credit, so a mount with nothing to do never spins.
#pragma once

#include <algorithm>
#include <chrono>

namespace elastic {

class Spin {
 public:
  using Clock = std::chrono::steady_clock;

  // A request came without waiting or soon after: the next may as well.
  void Came() { credit_ = std::min(credit_ + 1, kMaxCredit); }
  // Until when to look again and again; the past when there is no credit.
  Clock::time_point Deadline() const { return credit_ > 0 ? Clock::now() + kPatience : Clock::time_point::min(); }
  void InVain() { credit_ -= kPenalty; }
  // A request that was slept for: traffic begins, which may be worth a try.
  void Woken() { credit_ = std::max(credit_ + 1, -kMaxCredit); }

 private:
  static constexpr auto kPatience = std::chrono::microseconds(50);
  static constexpr int kMaxCredit = 16;
  static constexpr int kPenalty = 4;
  int credit_ = 0;
};

}  // namespace elastic
