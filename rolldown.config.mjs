// What is shipped: one launcher, and a chunk for each job that it may have to load; the lister; the sandbox's filters.
import { defineConfig } from "rolldown"
import { seccompFilter } from "./src/domain/seccomp.ts"

const filters = {
  name: "seccomp-filters",
  generateBundle() {
    for (const processor of ["x64", "arm64"])
      this.emitFile({ type: "asset", fileName: `seccomp-${processor}.bpf`, source: seccompFilter(processor) })
  }
}

export default defineConfig({
  input: { byteback: "bin/byteback.mjs", lister: "bin/lister.ts" },
  platform: "node",
  plugins: [filters],
  output: {
    dir: "dist",
    format: "esm",
    minify: true,
    cleanDir: true,
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs"
  }
})
