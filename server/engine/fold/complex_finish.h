// The results of complex folds from their states. Pure, and the same bits on every machine.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_COMPLEX_FINISH_H_
#define TREDUCE_SERVER_ENGINE_FOLD_COMPLEX_FINISH_H_

#include <complex>

namespace treduce {

// Of kProduct, in the order of its words: (re + i im) * 2^exponent, rounded once.
std::complex<double> FinishComplexProduct(double re, double im, double exponent);

// Of kLogSumExp, in the order of its words: largest + log(re + i im), the imaginary part in [-pi, pi].
std::complex<double> FinishComplexLogSumExp(double largest, double re, double im);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_COMPLEX_FINISH_H_
