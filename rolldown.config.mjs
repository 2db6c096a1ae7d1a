// What is shipped: dist, with the launcher, a chunk for each job that it may have to load, the lister, the reader, the sandbox's filters, a
// simulation's thread and its report's script; and lib, the library for other applications.
import { defineConfig } from "rolldown"
import { seccompFilter } from "./src/domain/seccomp.ts"

const filters = {
  name: "seccomp-filters",
  generateBundle() {
    for (const processor of ["x64", "arm64"])
      this.emitFile({ type: "asset", fileName: `seccomp-${processor}.bpf`, source: seccompFilter(processor) })
  }
}

const programs = defineConfig({
  input: {
    byteback: "bin/byteback.mjs",
    lister: "bin/lister.ts",
    reader: "bin/reader.ts",
    simulationWorker: "src/programs/simulationWorker.ts"
  },
  platform: "node",
  plugins: [filters],
  preserveEntrySignatures: false,
  // CommonJS and few files, since the programs start for every step of a backup: both are quicker to load.
  output: {
    dir: "dist",
    format: "cjs",
    minify: true,
    cleanDir: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        // What only a command line needs: a third of it all, and no part of a server's answer.
        {
          name: "terminal",
          test: /\/node_modules\/(effect\/dist\/cli\/|@effect\/.*Node(Services|Stdio|Terminal)\.js)/
        },
        { name: "effect", test: /\/node_modules\// },
        { name: "services", test: /\/src\/(services\/|layer)/ }
      ]
    }
  }
})

const report = defineConfig({
  input: { report: "src/cli/report/page/page.ts" },
  platform: "browser",
  output: { dir: "dist", format: "iife", minify: true, entryFileNames: "[name].js" }
})

const library = defineConfig({
  input: { index: "src/index.ts", simulationWorker: "src/programs/simulationWorker.ts" },
  platform: "node",
  external: [/^effect(\/|$)/, /^@effect\//],
  output: { dir: "lib", format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" }
})

export default [programs, report, library]
