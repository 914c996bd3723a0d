import { defineConfig } from '@playwright/test';
import type { Options } from './lib/fixtures.ts';

// LATCHKEY_SOAK=1 runs every journey ten times in a row.
const soak = process.env.LATCHKEY_SOAK === '1';

// On PostgreSQL the journeys with the tag run, those of each kind that ask most of a
// database; with LATCHKEY_SOAK=1 or LATCHKEY_DATABASE=postgres all of them. How a
// screen looks does not depend on it.
const onlyPostgres = process.env.LATCHKEY_DATABASE === 'postgres';
const postgres = {
  name: 'PostgreSQL',
  use: { database: 'postgres' as const },
  testIgnore: ['*screens.spec.ts', 'lighthouse.spec.ts'],
  ...(soak || onlyPostgres ? {} : { grep: /@database/ }),
  repeatEach: soak ? 3 : 1,
};

export default defineConfig<object, Options>({
  testDir: '.',
  testMatch: '*.spec.ts',
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 1, // one controller, two cores
  projects: [...(onlyPostgres ? [] : [{ name: 'SQLite' }]), postgres],
  repeatEach: soak ? 10 : 1,
  retries: 0, // a flaky journey is a defect
  forbidOnly: true,
  outputDir: 'out/results',
  reporter: [['list']],
  use: {
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      chromiumSandbox: false,
      args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
});
