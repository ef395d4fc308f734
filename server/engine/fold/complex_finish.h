// What LOGSUMEXP of complex elements ends with. Pure, and the same bits on every machine.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_COMPLEX_FINISH_H_
#define TREDUCE_SERVER_ENGINE_FOLD_COMPLEX_FINISH_H_

#include <complex>

namespace treduce {

// Of kLogSumExp, in the order of its words: largest + log(re + i im), the imaginary part in [-pi, pi].
std::complex<double> FinishComplexLogSumExp(double largest, double re, double im);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_COMPLEX_FINISH_H_
