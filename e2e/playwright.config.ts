import { defineConfig } from '@playwright/test';
import type { Options } from './lib/fixtures.ts';

// LATCHKEY_SOAK=1 runs every journey ten times in a row.
const soak = process.env.LATCHKEY_SOAK === '1';

const measured = 'lighthouse.spec.ts';

// On PostgreSQL the journeys with the tag run, those of each kind that ask most of a
// database; with LATCHKEY_SOAK=1 or LATCHKEY_DATABASE=postgres all of them. How a
// screen looks does not depend on it.
const onlyPostgres = process.env.LATCHKEY_DATABASE === 'postgres';
const postgres = {
  name: 'PostgreSQL',
  use: { database: 'postgres' as const },
  testIgnore: ['*screens.spec.ts', measured],
  ...(soak || onlyPostgres ? {} : { grep: /@database/ }),
  repeatEach: soak ? 3 : 1,
};

// It comes last and alone. With LATCHKEY_BENCH set, in a row of bars, nothing comes before it.
// For a trace Playwright puts a script into every page, which cost what is measured here.
const lighthouse = {
  name: 'Lighthouse',
  testMatch: measured,
  use: { trace: 'off' as const },
  ...(process.env.LATCHKEY_BENCH === undefined ? { dependencies: ['SQLite', postgres.name] } : {}),
};

export default defineConfig<object, Options>({
  testDir: '.',
  testMatch: '*.spec.ts',
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 2, // each with a controller and a server of its own
  globalSetup: './lib/process.ts',
  projects: onlyPostgres ? [postgres] : [{ name: 'SQLite', testIgnore: measured }, postgres, lighthouse],
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
