// Draws the fields and texts of the picture, one element each.
#include "tests/bench/kernels/heatmap.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace treduce::bench {
namespace {

constexpr int kLabelWidth = 140, kFieldWidth = 58, kFieldHeight = 20, kTop = 74, kGap = 24;
constexpr int kLargeFrom = 1 << 20;
constexpr int kPanelWidth = kFieldWidth * static_cast<int>(std::size(kMeasuredDTypes));

// Fields up to this ratio have this colour.
struct Shade {
  double below;
  std::string_view fill;
  std::string_view text;
  std::string_view label;
};
constexpr Shade kShades[] = {{0.5, "#b2182b", "#fff", "below 0.5"}, {0.95, "#f4a582", "#222", "0.5 +"},
                             {1.05, "#e8e8e8", "#222", "about 1"},  {2, "#d9f0d3", "#222", "1.05 +"},
                             {5, "#a6dba0", "#222", "2 +"},         {20, "#5aae61", "#111", "5 +"},
                             {100, "#1b7837", "#fff", "20 +"},      {1e300, "#0b4f26", "#fff", "100 +"}};

size_t ShadeOf(double ratio) {
  return static_cast<size_t>(
      std::find_if(std::begin(kShades), std::end(kShades), [&](const Shade& shade) { return ratio < shade.below; }) -
      std::begin(kShades));
}

std::string Number(double ratio) { return absl::StrFormat(ratio < 9.95 ? "%.2g" : "%.0f", ratio); }

void AddText(std::string& svg, int x, int y, std::string_view kind, std::string_view text) {
  absl::StrAppendFormat(&svg, "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, kind, text);
}

void AddField(std::string& svg, int x, int y, double ratio) {
  const size_t shade = ShadeOf(ratio);
  absl::StrAppendFormat(&svg, "<rect x=\"%d\" y=\"%d\" class=\"s%d\"/>", x + 1, y + 1, shade);
  AddText(svg, x + kFieldWidth / 2, y + 14, absl::StrCat("t", shade), Number(ratio));
}

void AddLegend(std::string& svg, int y) {
  int x = kLabelWidth;
  for (size_t i = 0; i < std::size(kShades); ++i, x += 100) {
    absl::StrAppendFormat(&svg, "<rect x=\"%d\" y=\"%d\" class=\"s%d\"/>", x, y, i);
    AddText(svg, x + kFieldWidth / 2, y + 13, absl::StrCat("t", i), kShades[i].label);
  }
}

std::string Style() {
  std::string style =
      "<style>text{font:11px sans-serif;fill:#888;text-anchor:middle}.op{font-size:12px;text-anchor:end}"
      ".head{font-size:13px;font-weight:bold}";
  absl::StrAppendFormat(&style, "rect{width:%dpx;height:%dpx;rx:3px}", kFieldWidth - 2, kFieldHeight - 2);
  for (size_t i = 0; i < std::size(kShades); ++i) {
    absl::StrAppendFormat(&style, ".s%d{fill:%s}text.t%d{fill:%s}", i, kShades[i].fill, i, kShades[i].text);
  }
  return style + "</style>\n";
}

}  // namespace

std::string Heatmap(const std::vector<Cell>& cells) {
  std::vector<std::string> ops;
  std::map<std::tuple<std::string, DType, bool>, std::vector<double>> ratios;
  for (const Cell& cell : cells) {
    const Problem& problem = cell.problem;
    if (!cell.vs_torch) continue;
    if (std::find(ops.begin(), ops.end(), problem.op) == ops.end()) ops.push_back(problem.op);
    ratios[{problem.op, problem.dtype, problem.shape->ElementCount() >= kLargeFrom}].push_back(*cell.vs_torch);
  }
  const int width = kLabelWidth + 2 * kPanelWidth + kGap + 10;
  const int bottom = kTop + kFieldHeight * static_cast<int>(ops.size());
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
      "<title>How many times as fast as PyTorch treduce's kernels are</title>\n",
      width, bottom + 40, width, bottom + 40);
  svg += Style();
  AddText(svg, width / 2, 18, "head", "Times as fast as PyTorch, with as many threads: geometric mean over shapes");
  for (bool large : {true, false}) {
    const int left = kLabelWidth + (large ? 0 : kPanelWidth + kGap);
    AddText(svg, left + kPanelWidth / 2, 42, "head", large ? "2^20 elements and more" : "fewer elements");
    int x = left;
    for (DType dtype : kMeasuredDTypes) {
      AddText(svg, x + kFieldWidth / 2, kTop - 8, "dtype", Name(dtype));
      int y = kTop;
      for (const std::string& op : ops) {
        if (x == left && large) AddText(svg, kLabelWidth - 8, y + 14, "op", op);
        const auto found = ratios.find({op, dtype, large});
        if (found != ratios.end()) AddField(svg, x, y, GeometricMean(found->second));
        y += kFieldHeight;
      }
      x += kFieldWidth;
    }
  }
  AddLegend(svg, bottom + 14);
  return svg + "</svg>\n";
}

}  // namespace treduce::bench
