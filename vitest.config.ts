import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'web/**/*.test.ts'],
    testTimeout: 120_000,
    maxWorkers: 2,
    // Real programs on a shared machine: what ran out of time there gets another try, and the report says so.
    retry: process.env.CI ? 2 : 0,
  },
});
