// A machine's layout in a directory that is gone when the scope closes, for services that write files.
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Layout } from "../../src/services/Layout.ts"

export const layoutInTemp = Layer.effect(
  Layout,
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "byteback-layout-"))),
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
    ),
    (directory) => ({
      config: `${directory}/etc/byteback`,
      store: `${directory}/byteback`,
      state: `${directory}/var/lib/byteback`,
      run: `${directory}/run/byteback`,
      lib: `${directory}/usr/lib/byteback`,
      etc: `${directory}/etc`
    })
  )
)
