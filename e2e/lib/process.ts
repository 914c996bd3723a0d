import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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

/** Commands of this project that the journeys start beside the product, once build has made them. */
export const programs = { sambadc: join(root, 'bin/sambadc'), pgserver: join(root, 'bin/pgserver'), stand: join(root, 'bin/stand') } as const;

/** Builds them into bin/. Playwright runs it before its workers, which would write the same files. */
export default function build(): void {
  execFileSync('go', ['build', '-buildvcs=false', '-o', join(root, 'bin') + '/', './e2e/samba/cmd/sambadc', './e2e/postgres/cmd/pgserver', './e2e/stand/cmd/stand'], { cwd: root, stdio: 'inherit' });
}
