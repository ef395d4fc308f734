// One connection to a server: calls that exchange bytes, each with a deadline and a signal that may end it.

import { setMaxListeners } from 'node:events';

import { Client, credentials } from '@grpc/grpc-js';

import { CancelledError, TreduceError } from './errors.js';

const OPTIONS = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // In HTTP/2's window of 64 KiB, large results take twice the time.
  'grpc-node.flow_control_window': 4 << 20,
  // What is kept for gRPC's own retries counts as written, so that small chunks would pile up.
  'grpc.per_rpc_retry_buffer_size': 0,
  // A server that comes back is found soon.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2000,
  // A server that is gone without a trace is noticed.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

// An error that gRPC gave a call, apart from those of the messages that were to be sent.
export class CallFailure {
  constructor(serviceError) {
    this.serviceError = serviceError;
  }
}

const asIs = (bytes) => bytes;

export class Connection {
  #client;
  #calls = new Set();
  #closed = false;

  constructor(address) {
    this.#client = new Client(address, credentials.createInsecure(), OPTIONS);
  }

  get closed() {
    return this.#closed;
  }

  // Ends calls under way with CancelledError; new ones are refused.
  close() {
    this.#closed = true;
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }

  // The response to one message.
  unary(path, message, { deadline, signal }) {
    return this.#start(signal, (resolve, reject) =>
      this.#client.makeUnaryRequest(path, asIs, asIs, message, { deadline }, (error, response) => {
        if (error) reject(new CallFailure(error));
        else resolve(response);
      }),
    );
  }

  // Writes `messages`, an (async) iterable, and calls `take` with each response. An error of either ends the call.
  stream(path, messages, take, { deadline, signal }) {
    return this.#start(signal, (resolve, reject) => {
      const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, { deadline });
      const fail = (error) => {
        reject(error);
        call.cancel();
      };
      const ended = new Promise((resolveEnded) => call.once('status', resolveEnded).once('error', resolveEnded));
      call.on('data', (message) => {
        try {
          take(message);
        } catch (error) {
          fail(error);
        }
      });
      call.on('error', (error) => reject(new CallFailure(error)));
      call.on('end', resolve);
      write(call, messages, ended).catch(fail);
      return call;
    });
  }

  // Lets time pass.
  pause(delay, signal) {
    return this.#start(signal, (resolve, reject) => {
      const timer = setTimeout(resolve, delay);
      return {
        cancel() {
          clearTimeout(timer);
          reject();
        },
      };
    });
  }

  // Runs `begin`, which gives the call, until it settles, its signal is raised or the connection is closed.
  #start(signal, begin) {
    if (this.#closed) {
      const detail = { code: 'FAILED_PRECONDITION', reason: 'CLOSED' };
      return Promise.reject(new TreduceError('the client is closed', detail));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      let call;
      const abort = () => {
        reject(signal.reason);
        call.cancel();
      };
      const end = (settle) => (value) => {
        signal?.removeEventListener('abort', abort);
        this.#calls.delete(call);
        settle(value);
      };
      const fail = end(reject);
      call = begin(end(resolve), (error) =>
        fail(this.#closed ? new CancelledError('the client was closed', { code: 'CANCELLED' }) : error),
      );
      this.#calls.add(call);
      if (signal === undefined) return;
      setMaxListeners(0, signal); // many calls may share it, which is no leak
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}

// Writes one message after the other, each when the one before it is on its way; none any more when the call is over.
async function write(call, messages, ended) {
  let over = false;
  let wake; // to race `ended` for each message would keep something of each until the end
  ended.then(() => {
    over = true;
    wake?.();
  });
  for await (const message of messages) {
    if (over) return;
    await new Promise((resolve) => {
      wake = resolve;
      call.write(message, resolve);
    });
  }
  if (!over) call.end();
}
