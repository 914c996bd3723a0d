import { defineConfig } from '@playwright/test';

// LATCHKEY_SOAK=1 runs every journey ten times in a row.
const soak = process.env.LATCHKEY_SOAK === '1';

export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 1, // one controller, two cores
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
