// How the tests run: pure suites in parallel threads; suites that need the lab one at a time.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "pure",
          include: ["test/{domain,services,programs,cli}/**/*.test.ts", "test/*.test.ts"],
          testTimeout: 60_000
        }
      },
      {
        test: {
          name: "lab",
          include: ["test/{lab,contract,e2e,embedding,hostile}/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false
        }
      }
    ]
  }
})
