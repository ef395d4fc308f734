// Fibers of ucontext, which are switched by setjmp and longjmp: unlike swapcontext, without a system call.
#undef _FORTIFY_SOURCE  // whose longjmp refuses to leave a stack for another
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include "server/engine/cuda/simt.h"

namespace treduce::cuda {
namespace {

constexpr size_t kStackBytes = 256 * 1024;

struct Fiber {
  std::unique_ptr<std::byte[]> stack;
  ucontext_t context;  // where it starts
  jmp_buf place;       // where it goes on
  bool is_started = false;
  bool is_done = false;
};

// The fibers that meet at a barrier.
struct Meeting {
  int arrived = 0;
  unsigned round = 0;
};

// The block under way; one at a time on a thread.
struct Block {
  std::vector<Fiber> fibers;
  std::vector<Meeting> meetings;  // of the block, then of each warp
  std::vector<uint64_t> mail[2];  // a word for each fiber, used in turn
  std::vector<std::byte> shared;
  const std::function<void()>* body = nullptr;
  jmp_buf caller;
  int threads = 0;
  int current = 0;
  int64_t index = 0;
  int64_t grid = 0;
};

thread_local Block block;

// Goes on with the next fiber of those [first, first + count) that is not done, or with the caller where all are.
[[noreturn]] void GoOn(int first, int count) {
  int next = block.current;
  for (int i = 0; i < count; ++i) {
    if (++next == first + count) next = first;
    Fiber& fiber = block.fibers[static_cast<size_t>(next)];
    if (fiber.is_done) continue;
    block.current = next;
    if (fiber.is_started) _longjmp(fiber.place, 1);
    fiber.is_started = true;
    setcontext(&fiber.context);
  }
  _longjmp(block.caller, 1);
}

// Lets the others of those run, and returns when it is this fiber's turn again.
void Yield(int first, int count) {
  if (_setjmp(block.fibers[static_cast<size_t>(block.current)].place) == 0) GoOn(first, count);
}

// What a fiber does, block after block.
void RunFiber() {
  while (true) {
    (*block.body)();
    block.fibers[static_cast<size_t>(block.current)].is_done = true;
    Yield(0, block.threads);
  }
}

void Make(Fiber& fiber) {
  fiber.stack = std::make_unique<std::byte[]>(kStackBytes);
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, RunFiber, 0);
}

// Waits for the others of those at their meeting.
void Meet(Meeting& meeting, int first, int count) {
  const unsigned round = meeting.round;
  if (++meeting.arrived == count) {
    meeting.arrived = 0;
    ++meeting.round;
    return;
  }
  while (meeting.round == round) Yield(first, count);
}

int FirstOfWarp() { return block.current / kWarpSize * kWarpSize; }
Meeting& MeetingOfWarp() { return block.meetings[1 + static_cast<size_t>(block.current / kWarpSize)]; }
int WarpThreads() { return std::min(kWarpSize, block.threads - FirstOfWarp()); }

// Leaves `word` to the others of the warp, and returns those that its fibers left. They stay until the fiber has met
// the others twice more.
const uint64_t* Leave(uint64_t word) {
  std::vector<uint64_t>& mail = block.mail[MeetingOfWarp().round % 2];
  mail[static_cast<size_t>(block.current)] = word;
  WarpBarrier();
  return mail.data() + FirstOfWarp();
}

uint64_t Exchange(uint64_t word, int lane) {
  const uint64_t* words = Leave(word);
  return lane >= 0 && lane < WarpThreads() ? words[lane] : word;
}

}  // namespace

int ThreadIndex() { return block.current; }
int BlockSize() { return block.threads; }
int64_t BlockIndex() { return block.index; }
int64_t GridSize() { return block.grid; }
void Barrier() { Meet(block.meetings[0], 0, block.threads); }
void WarpBarrier() { Meet(MeetingOfWarp(), FirstOfWarp(), WarpThreads()); }
std::byte* SharedMemory() { return block.shared.data(); }
uint64_t ExchangeDown(uint64_t word, int step, int threads) {
  const int lane = block.current % kWarpSize;
  return Exchange(word, lane / threads == (lane + step) / threads ? lane + step : lane);
}
uint64_t ExchangeXor(uint64_t word, int step) { return Exchange(word, (block.current % kWarpSize) ^ step); }
uint64_t SumOfWarp(uint64_t word) {
  const uint64_t* words = Leave(word);
  return std::accumulate(words, words + WarpThreads(), uint64_t{0});
}

void RunGrid(int64_t blocks, int threads, size_t shared_bytes, const std::function<void()>& body) {
  const auto count = static_cast<size_t>(threads);
  block.body = &body;
  block.threads = threads;
  block.grid = blocks;
  for (std::vector<uint64_t>& mail : block.mail) mail.assign(count, 0);
  block.shared.assign(shared_bytes, std::byte{0xA5});  // nothing that a kernel may rely on
  if (block.fibers.size() < count) block.fibers.resize(count);
  for (block.index = 0; block.index < blocks; ++block.index) {
    block.meetings.assign(1 + (count + kWarpSize - 1) / kWarpSize, {});
    for (size_t i = 0; i < count; ++i) {
      Fiber& fiber = block.fibers[i];
      if (fiber.stack == nullptr) Make(fiber);
      fiber.is_done = false;
    }
    block.current = threads - 1;
    if (_setjmp(block.caller) == 0) GoOn(0, threads);
  }
}

}  // namespace treduce::cuda
