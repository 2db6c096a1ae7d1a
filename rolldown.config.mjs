// What is shipped: one launcher, and a chunk for each job that it may have to load.
import { defineConfig } from "rolldown"

export default defineConfig({
  input: { byteback: "bin/byteback.mjs" },
  platform: "node",
  output: {
    dir: "dist",
    format: "esm",
    minify: true,
    cleanDir: true,
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs"
  }
})
