// The package as it is published: what is in it, what TypeScript makes of it, that nothing is left of it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as treduce from 'treduce';

test('it holds its sources and nothing else', () => {
  const files = execFileSync('tar', ['-tzf', 'treduce.tgz'], { encoding: 'utf8' }).trim().split('\n');
  for (const file of ['index.js', 'index.d.ts', 'package.json', 'README.md', 'lib/client.js']) {
    assert.ok(files.includes(`package/${file}`), file);
  }
  assert.deepEqual(files.filter((file) => !/^package\/(index\.(js|d\.ts)|package\.json|README\.md|lib\/\w+\.js)$/.test(file)), []);
  assert.deepEqual(Object.keys(JSON.parse(readFileSync('node_modules/treduce/package.json')).dependencies), ['@grpc/grpc-js']);
});

test('its types are those of what it exports', () => {
  const declared = readFileSync('node_modules/treduce/index.d.ts', 'utf8');
  for (const name of Object.keys(treduce)) assert.match(declared, new RegExp(`export (declare )?(class|function|const) ${name}\\b`), name);
  for (const op of treduce.OPS) {
    const method = op.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    assert.match(declared, new RegExp(`^  ${method}(<[^>]*>)?\\(`, 'm'), method);
  }
});

test('TypeScript takes its types', () => {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'esnext', '--types', 'node', 'types.ts'];
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', ...options], { stdio: 'inherit' });
});

test('it is uninstalled without a trace', () => {
  const folder = mkdtempSync('/tmp/treduce-');
  const npm = (...args) => execFileSync('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  try {
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    cpSync('treduce.tgz', join(folder, 'treduce.tgz'));
    npm('install', './treduce.tgz');
    assert.ok(existsSync(join(folder, 'node_modules/treduce/index.js')));
    npm('uninstall', 'treduce');
    assert.ok(!existsSync(join(folder, 'node_modules/treduce')));
    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'package.json'))).dependencies ?? {}, {});
  } finally {
    rmSync(folder, { recursive: true });
  }
});
