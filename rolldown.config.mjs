// What is shipped: dist, a launcher and a chunk for each job that it may have to load; lib, the library for other apps.
import { defineConfig } from "rolldown"

const output = { format: "esm", cleanDir: true, entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" }

export default defineConfig([
  { input: { byteback: "bin/byteback.mjs" }, platform: "node", output: { ...output, dir: "dist", minify: true } },
  {
    input: { index: "src/index.ts" },
    platform: "node",
    external: [/^effect(\/|$)/, /^@effect\//],
    output: { ...output, dir: "lib" }
  }
])
