// The ops, with PyTorch's names, options and defaults, as values that can be sent.

import { inspect } from 'node:util';

import { dtypeNumber } from './dtypes.js';
import { invalid } from './errors.js';

// In the order of the API's enum, whose first value is 1.
export const OPS = Object.freeze([
  'sum', 'nansum', 'mean', 'nanmean', 'prod', 'max', 'min', 'amax', 'amin', 'aminmax', 'argmax', 'argmin',
  'all', 'any', 'count_nonzero', 'var', 'std', 'var_mean', 'std_mean', 'vector_norm', 'logsumexp',
  'median', 'nanmedian', 'mode', 'quantile', 'nanquantile', 'unique', 'unique_consecutive',
]);

export const INTERPOLATIONS = Object.freeze(['linear', 'lower', 'higher', 'midpoint', 'nearest']);

const VALUES_INDICES = ['values', 'indices'];

// The names of the outputs of ops that have several, with a dim.
const OUTPUTS = {
  max: VALUES_INDICES, min: VALUES_INDICES, median: VALUES_INDICES, nanmedian: VALUES_INDICES, mode: VALUES_INDICES,
  aminmax: ['min', 'max'], var_mean: ['var', 'mean'], std_mean: ['std', 'mean'],
};

// Those that give values alone without a dim.
const VALUE_WITHOUT_DIM = new Set(['max', 'min', 'median', 'nanmedian']);

const VARIANCES = new Set(['var', 'std', 'var_mean', 'std_mean']);
const QUANTILES = new Set(['quantile', 'nanquantile']);
const UNIQUES = new Set(['unique', 'unique_consecutive']);
const CASTS = new Set(['sum', 'nansum', 'mean', 'nanmean', 'prod', 'vector_norm', ...QUANTILES]);

// Options by name: which ops take them, and how a value becomes what is sent.
const OPTIONS = {
  dim: [() => true, dims],
  keepdim: [(op) => !UNIQUES.has(op), flag],
  dtype: [(op) => CASTS.has(op), (value) => dtypeNumber(value)],
  correction: [(op) => VARIANCES.has(op), real],
  ord: [(op) => op === 'vector_norm', real],
  q: [(op) => QUANTILES.has(op), (value, name) => (isList(value) ? Array.from(value, (q) => real(q, name)) : real(value, name))],
  interpolation: [(op) => QUANTILES.has(op), interpolation],
  returnInverse: [(op) => UNIQUES.has(op), flag],
  returnCounts: [(op) => UNIQUES.has(op), flag],
};

function isList(value) {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function dims(value) {
  return (isList(value) ? Array.from(value) : [value]).map((dim) => {
    if (!Number.isSafeInteger(dim)) throw invalid('dim', `expected an integer or a list of them, got ${inspect(value)}`);
    return dim;
  });
}

function flag(value, name) {
  if (typeof value !== 'boolean') throw invalid(name, `expected a boolean, got ${inspect(value)}`);
  return value;
}

function real(value, name) {
  if (typeof value !== 'number') throw invalid(name, `expected a number, got ${inspect(value)}`);
  return value;
}

function interpolation(value) {
  const number = INTERPOLATIONS.indexOf(value) + 1;
  if (number === 0) {
    throw invalid('interpolation', `${inspect(value)} is none of ${INTERPOLATIONS.join(', ')}`, 'UNKNOWN_INTERPOLATION');
  }
  return number;
}

/**
 * A reduction as users give it, `op` or `{op, dim, keepdim, ...}`, as what is sent: numbers for enums, a list for dim.
 */
export function reductionOf(given) {
  const { op, ...options } = typeof given === 'string' ? { op: given } : { ...given };
  if (!OPS.includes(op)) throw invalid('op', `there is no op ${inspect(op)}; there are ${OPS.join(', ')}`, 'UNKNOWN_OP');
  const reduction = { op, dim: op === 'mode' && !('dim' in options) ? [-1] : [] };
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTIONS, name) || !OPTIONS[name][0](op)) {
      const taken = Object.keys(OPTIONS).filter((option) => OPTIONS[option][0](op));
      throw invalid(name, `${op} does not take it; it takes ${taken.join(', ')}`, 'OPTIONS_MISMATCH');
    }
    if (value === undefined || value === null) continue;
    reduction[name] = OPTIONS[name][1](value, name);
  }
  if (isList(options.dim) && options.dim.length === 0 && (op === 'all' || op === 'any')) {
    throw invalid('dim', `${op} of no dims reduces nothing in PyTorch; leave dim out to reduce all dims`);
  }
  if (op === 'mode' && (options.dim === null || ('dim' in options && options.dim === undefined))) reduction.dim = [];
  if (QUANTILES.has(op) && reduction.q === undefined) throw invalid('q', `which ${op}? A number, or a list of them`);
  return reduction;
}

// The names of the output tensors of a reduction; one of them, without a name, is the answer itself.
export function outputNames(reduction) {
  if (UNIQUES.has(reduction.op)) {
    const names = ['output'];
    if (reduction.returnInverse) names.push('inverseIndices');
    if (reduction.returnCounts) names.push('counts');
    return names.length === 1 ? [''] : names;
  }
  if (VALUE_WITHOUT_DIM.has(reduction.op) && reduction.dim.length === 0) return [''];
  return OUTPUTS[reduction.op] ?? [''];
}

// A method for each op: `count_nonzero` is countNonzero.
export function methodName(op) {
  return op.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}
