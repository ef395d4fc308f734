// What TypeScript makes of the package; what it must refuse is marked.

import { createReadStream } from 'node:fs';
import { ReadableStream } from 'node:stream/web';
import { ArgumentError, connect, RequestError, Tensor, TreduceError, type Answer, type Client } from 'treduce';
import type { Unique, UniqueOptions, ValuesIndices } from 'treduce';

const t: Client = connect('localhost:50051', { timeout: 1000 });

export async function use(): Promise<void> {
  const sum: Tensor = await t.sum([[1, 2], [3, 4]], { dim: 0, keepdim: true, dtype: 'float64' });
  const item: number | bigint | boolean | [number, number] = sum.item();
  const { values, indices } = await t.max(new Float32Array(4), { dim: [0, 1] });
  const largest: Tensor = await t.max(new Float32Array(4));
  const { var: variance, mean } = await t.varMean([1, 2], { correction: 0 });
  const { output, counts } = await t.unique([1n, 2n], { returnCounts: true });
  const distinct: Tensor = await t.unique([1n, 2n]);
  const answers = await t.reduce({ data: new Uint16Array(4), dtype: 'bfloat16', shape: [2, 2] }, ['sum', { op: 'quantile', q: [0.5] }]);
  const first: Answer = answers[0];
  const time: number = answers.executionInfo.computeTime;
  async function* chunks() {
    yield new Float64Array(8);
  }
  await t.mean({ data: chunks(), dtype: 'float64', shape: [8] }, { signal: AbortSignal.timeout(5) });
  const limit: number = (await t.describe()).limits.maxUnaryBytes;
  const serving: boolean = await t.health();
  // @ts-expect-error: an option of another op
  await t.sum([1], { correction: 0 });
  // @ts-expect-error: q is missing
  await t.quantile([1]);
  // @ts-expect-error: no such op
  await t.reduce([1], ['total']);
  // @ts-expect-error: chunks need a shape
  await t.sum({ data: chunks(), dtype: 'float64' });
  await using other: Client = connect('unix:/tmp/treduce');
  const half: Tensor = await other.sum(new Float16Array(4));
  console.log(half, item, values, indices, largest, variance, mean, output, counts, distinct, first, time, limit, serving);
  t.close();
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
declare function gives<Expected>(): <T>(call: Promise<T>, same: Same<T, Expected>) => void;

export function outputs(maybe: { dim?: number | undefined }, list: number[], flag: boolean, options: UniqueOptions): void {
  gives<Tensor>()(t.max([1], { dim: null, keepdim: true }), true);
  gives<Tensor>()(t.median([1], { dim: undefined }), true);
  gives<Tensor>()(t.min([1], { dim: [] }), true);
  gives<ValuesIndices>()(t.nanmedian([1], { dim: 0, timeout: 5 }), true);
  gives<Tensor | ValuesIndices>()(t.max([1], maybe), true);
  gives<Tensor | ValuesIndices>()(t.median([1], { dim: list }), true);
  gives<Tensor>()(t.unique([1], { dim: 0, returnCounts: false }), true);
  gives<Unique>()(t.unique([1], { returnInverse: true, returnCounts: true }), true);
  gives<Tensor | Omit<Unique, 'counts'>>()(t.uniqueConsecutive([1], { returnInverse: flag }), true);
  gives<Tensor | Omit<Unique, 'counts'> | Omit<Unique, 'inverseIndices'> | Unique>()(t.unique([1], options), true);
}

export async function chunks(): Promise<void> {
  const dtype = 'float32';
  const shape = [2];
  await t.sum({ data: createReadStream('x.raw'), dtype, shape });
  await t.sum({ data: new ReadableStream<Uint8Array>(), dtype, shape });
  await t.sum({ data: [new Float32Array(1), Buffer.alloc(2), new ArrayBuffer(2)], dtype, shape });
  // @ts-expect-error: typed arrays alone
  await t.sum([new Float32Array(1)]);
  // @ts-expect-error: chunks that are none
  await t.sum({ data: ['ab'], dtype, shape });
}

export function reasonOf(error: unknown): string {
  if (error instanceof ArgumentError) return [error satisfies TypeError, error.field].join(' ');
  if (error instanceof RequestError) return [error satisfies RangeError, error.reason].join(' ');
  return error instanceof TreduceError ? `${error.code} ${error.reason} ${error.field} ${error.limit}` : '';
}
