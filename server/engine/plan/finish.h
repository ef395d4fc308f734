// How states become results, one function for each family of ops; see Finishing in lowering.h.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_FINISH_H_
#define TREDUCE_SERVER_ENGINE_PLAN_FINISH_H_

#include "server/engine/plan/lowering.h"

namespace treduce {

void FinishSum(const Finishing& f);
void FinishMean(const Finishing& f);
void FinishNanMean(const Finishing& f);
void FinishProduct(const Finishing& f);
void FinishMax(const Finishing& f);
void FinishMin(const Finishing& f);
void FinishMinMax(const Finishing& f);
void FinishIndex(const Finishing& f);
void FinishAll(const Finishing& f);
void FinishAny(const Finishing& f);
void FinishCount(const Finishing& f);
void FinishVar(const Finishing& f);
void FinishStd(const Finishing& f);
void FinishAbsMax(const Finishing& f);
void FinishAbsMin(const Finishing& f);
void FinishAbsSum(const Finishing& f);
void FinishSquareSum(const Finishing& f);
void FinishPowerSum(const Finishing& f);
void FinishLogSumExp(const Finishing& f);
void FinishQuantile(const Finishing& f);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_FINISH_H_
