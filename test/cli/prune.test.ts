// byteback prune as a user meets it before it looks at any store.
import { execFile } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const program = join(import.meta.dirname, "../../dist/byteback.cjs")
const prune = (...args: ReadonlyArray<string>): Promise<{ readonly code: number; readonly stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, "prune", ...args], (error, _, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stderr })
    )
  })

describe("byteback prune --until", () => {
  it("takes nothing but a day that there is", async () => {
    for (const wrong of ["soon", "2027-02-31", "2027-2-1", "2027-02-01T00:00", "2027-13-01", ""]) {
      const { code, stderr } = await prune("--until", wrong)
      assert.strictEqual(code, 2, wrong)
      assert.match(stderr, /until.*Expected a day, as in 2027-01-31/s)
    }
  })
})
