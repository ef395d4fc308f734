// One problem at a time: checked first, then timed in rounds.
#include "tests/bench/kernels/session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/kernels/check.h"
#include "tests/bench/report.h"

namespace treduce::bench {
namespace {

double SecondsOf(const std::function<void()>& call, int repeats) {
  const absl::Time start = absl::Now();
  for (int i = 0; i < repeats; ++i) call();
  return absl::ToDoubleSeconds(absl::Now() - start);
}

void MarkIfDisturbed(const Cell& one, Cell& more) {
  constexpr double kMostOverhead = 2;
  if (!one.torch_seconds || !more.torch_seconds || *more.torch_seconds < kMostOverhead * *one.torch_seconds) return;
  more.disturbed = true;
  more.torch_seconds = more.vs_torch = std::nullopt;
}

Contender Ours(std::function<void()> call) {
  const double warm = SecondsOf(call, 1);
  return {[call = std::move(call)](int repeats) { return SecondsOf(call, repeats); }, warm};
}

}  // namespace

Session::Session(const std::vector<Problem>& problems, Peers* peers, std::vector<int> threads, RoundLimits limits,
                 absl::Duration patience)
    : peers_(peers), limits_(limits), patience_(patience) {
  for (int count : threads) sides_.try_emplace(count, count);
  for (const Problem& problem : problems) {
    size_t& size = sizes_[{problem.dtype, problem.fill()}];
    size = std::max(size, problem.ByteCount());
  }
}

absl::StatusOr<absl::Span<const std::byte>> Session::ElementsOf(const Problem& problem) {
  const std::pair key(problem.dtype, problem.fill());
  const bool another_dtype = !files_.empty() && files_.begin()->first.first != problem.dtype;
  if (another_dtype) {
    if (peers_ != nullptr) {
      if (absl::Status status = peers_->Close(); !status.ok()) return status;
    }
    files_.clear();
  }
  std::unique_ptr<MemoryFile>& file = files_[key];
  if (file == nullptr) {
    absl::StatusOr<std::unique_ptr<MemoryFile>> created = MemoryFile::Create(sizes_[key]);
    if (!created.ok()) return created.status();
    file = *std::move(created);
    FillElements(problem.dtype, problem.fill(), file->bytes());
    if (peers_ != nullptr) {
      if (absl::Status status = peers_->Open(problem.fill(), problem.dtype, *file); !status.ok()) return status;
    }
  }
  return file->bytes().first(problem.ByteCount());
}

absl::StatusOr<std::vector<Cell>> Session::Measure(const Problem& problem) {
  absl::StatusOr<absl::Span<const std::byte>> data = ElementsOf(problem);
  if (!data.ok()) return data.status();
  std::vector<Cell> cells;
  std::vector<ReductionResult> first;
  for (auto& [threads, side] : sides_) {
    Cell& cell = cells.emplace_back(Cell{.problem = problem, .threads = threads});
    absl::StatusOr<std::vector<ReductionResult>> results =
        side.engine.Reduce({problem.dtype, problem.shape->shape, *data}, problem.reductions);
    if (!results.ok()) return results.status();
    if (first.empty()) {
      first = *std::move(results);
      if (absl::Status status = Check(problem, *data, first, cell); !status.ok()) return status;
    } else {
      cell.checked_by = cells.front().checked_by;
      cell.wrong = cells.front().wrong.empty() ? DifferenceOfThreads(first, *results) : cells.front().wrong;
    }
    if (absl::Status status = Time(problem, *data, side, cell); !status.ok()) return status;
    MarkIfDisturbed(cells.front(), cell);
  }
  return cells;
}

// A call that is not made since it would take too long is one that the peer does not have. NumPy has one thread however
// many are allowed: what takes it long is not timed again.
absl::StatusOr<std::optional<double>> Session::Warm(const std::string& peer, const Problem& problem, int threads,
                                                    std::vector<Tensor>* outputs) {
  Known& known = known_[absl::StrCat(peer, "/", problem.op, "/", std::string(Name(problem.dtype)), "/",
                                     peer == "numpy" ? 1 : threads)];
  const int64_t count = problem.shape->ElementCount();
  const bool slow = known.seconds > absl::ToDoubleSeconds(limits_.slow);
  const bool same = known.problem == problem.Name();
  if (slow && same && known.is_timed && peer == "numpy" && outputs == nullptr) return known.seconds;
  const double expected =
      known.seconds * static_cast<double>(count) / static_cast<double>(std::max<int64_t>(1, known.count));
  if (!same && known.count >= 1 << 16 && expected > absl::ToDoubleSeconds(patience_)) return std::nullopt;
  absl::StatusOr<std::optional<double>> seconds = peers_->Run(peer, problem, threads, outputs);
  if (seconds.ok() && *seconds) known = {**seconds, count, problem.Name(), outputs == nullptr};
  return seconds;
}

absl::Status Session::Check(const Problem& problem, absl::Span<const std::byte> data,
                            absl::Span<const ReductionResult> results, Cell& cell) {
  for (const std::string peer : {"torch", "numpy"}) {
    if (peers_ == nullptr || (peer == "numpy" && !CanCheckWithNumpy(problem))) continue;
    std::vector<Tensor> outputs;
    absl::StatusOr<std::optional<double>> seconds = Warm(peer, problem, cell.threads, &outputs);
    if (!seconds.ok()) return seconds.status();
    if (!*seconds) continue;
    cell.checked_by = peer;
    cell.wrong = DifferenceFromPeer(problem, results, outputs);
    return absl::OkStatus();
  }
  cell.checked_by = "nothing";
  if (CanCheckWithReference(problem)) {
    cell.checked_by = "reference";
    cell.wrong = DifferenceFromReference(problem, data, results);
  }
  return absl::OkStatus();
}

absl::Status Session::Time(const Problem& problem, absl::Span<const std::byte> data, Side& side, Cell& cell) {
  const TensorView tensor{problem.dtype, problem.shape->shape, data};
  std::vector<Contender> contenders;
  uint64_t words = 0;
  contenders.push_back(Ours([&] { words += side.roof.Read(data); }));
  contenders.push_back(Ours([&] { (void)side.engine.Reduce(tensor, problem.reductions); }));
  std::vector<std::pair<std::optional<double>*, std::optional<double>*>> figures;
  for (const std::string peer : {"torch", "numpy"}) {
    if (peers_ == nullptr) continue;
    absl::StatusOr<std::optional<double>> warm = Warm(peer, problem, cell.threads, nullptr);
    if (!warm.ok()) return warm.status();
    if (!*warm) continue;
    contenders.push_back(
        {[this, peer, &cell](int repeats) { return peers_->Time(peer, cell.threads, repeats); }, **warm});
    figures.push_back(peer == "torch" ? std::pair(&cell.torch_seconds, &cell.vs_torch)
                                      : std::pair(&cell.numpy_seconds, &cell.vs_numpy));
  }
  const absl::StatusOr<std::vector<std::vector<double>>> seconds = RunRounds(contenders, limits_);
  if (!seconds.ok()) return seconds.status();
  const std::vector<double>& ours = (*seconds)[1];
  cell.seconds = SpreadOf(ours).median;
  cell.roof_seconds = SpreadOf((*seconds)[0]).median;
  cell.vs_roof = RatioSpread((*seconds)[0], ours).median;
  for (size_t i = 0; i < figures.size(); ++i) {
    const std::vector<double>& peer = (*seconds)[2 + i];
    *figures[i].first = SpreadOf(peer).median;
    *figures[i].second = RatioSpread(peer, ours).median;
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
