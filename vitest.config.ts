// How the tests run: pure suites in parallel threads; suites that need the lab one at a time, but for those that mostly wait.
import { defineConfig } from "vitest/config"

/** They take one snapshot after the other, and each waits for the next minute, which names it. */
const patient = [
  "conversation",
  "forecast",
  "mount",
  "oldRsync",
  "plainRsync",
  "proof",
  "reading",
  "restore",
  "wholeMachine"
].map((name) => `test/e2e/${name}.test.ts`)
const lab = { testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false }

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
          exclude: patient,
          ...lab
        }
      },
      { test: { name: "patient", include: patient, ...lab } }
    ]
  }
})
