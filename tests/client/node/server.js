// A treduce-server for tests: on a unix socket of its own, killed and started again at will.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'treduce';

export class Server {
  // Not in TMPDIR: the path of a socket has room for about a hundred characters.
  #folder = mkdtempSync('/tmp/treduce-');
  #process;

  static async start(...flags) {
    const server = new Server();
    await server.start(...flags);
    return server;
  }

  get address() {
    return `unix:${this.#folder}/socket`;
  }

  async start(...flags) {
    const arguments_ = ['--listen', this.address, '--log-level', 'error', ...flags];
    this.#process = spawn(process.env.TREDUCE_TEST_SERVER, arguments_, { stdio: ['ignore', 'inherit', 'inherit'] });
    const client = connect(this.address);
    try {
      for (;;) {
        if (this.#process.exitCode !== null) throw new Error('treduce-server has ended');
        if (await client.health({ timeout: 10_000 }).catch(() => false)) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      client.close();
    }
  }

  send(signal) {
    this.#process.kill(signal);
  }

  async kill() {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await ended;
    }
  }

  async stop() {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
