import { defineConfig, type ViteUserConfig } from "vitest/config";

/** What `npm run test:full` runs: long conversations, long fuzzing, whole distributions. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/full/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
  },
});

export default config;
