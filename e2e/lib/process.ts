import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { dirname } from 'node:path';

export const root = new URL('../../', import.meta.url).pathname;

/** A program that says in a file when it answers, and ends with its standard input. */
export interface Started<T> {
  ready: T;
  process: ChildProcess;
  log: () => string;
  stop: () => Promise<void>;
}

/** Starts a program and waits until it has written its ready file. */
export async function start<T>(command: string, args: string[], readyFile: string, seconds: number): Promise<Started<T>> {
  rmSync(readyFile, { force: true });
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: root });
  let text = '';
  const keep = (b: Buffer) => { text = (text + b.toString()).slice(-200_000); };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => { reject(new Error(`${command} ended with ${code}:\n${text}`)); });
  });
  ended.catch(() => undefined);
  await Promise.race([appears(readyFile, seconds), ended]);
  const stop = () => new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) { resolve(); return; }
    child.once('exit', () => { resolve(); });
    child.kill('SIGTERM');
  });
  return { ready: JSON.parse(readFileSync(readyFile, 'utf8')) as T, process: child, log: () => text, stop };
}

async function appears(file: string, seconds: number): Promise<void> {
  const signal = AbortSignal.timeout(seconds * 1000);
  const events = watch(dirname(file), { signal });
  if (existsSync(file)) return;
  for await (const _ of events) {
    if (existsSync(file)) return;
  }
}

/** Builds a Go command of this project into bin/. */
export function goBuild(pkg: string, out: string): string {
  execFileSync('go', ['build', '-buildvcs=false', '-o', out, pkg], { cwd: root, stdio: 'inherit' });
  return out;
}
