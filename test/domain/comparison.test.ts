// What a difference means, from rsync's own lines.
import { assert, describe, it } from "@effect/vitest"
import { judge } from "../../src/domain/comparison.ts"
import { countChange, noChanges, readChange, readItemized } from "../../src/domain/rsync/itemized.ts"

// Recorded from rsync 3.5.0.
const lines = [
  ["*deleting   0 data/extra", null],
  [".d..t...... 4096 data/", null],
  ["cd+++++++++ 4096 data/dir/", null],
  ["cS+++++++++ 0 data/fifo", "gone"],
  ["cL+++++++++ 1 data/link", "gone"],
  [">f+++++++++ 4 data/dir/f", "gone"],
  ["hf...p..... 5 data/same", "attributes"],
  [".f..t...... 5 data/touched", "attributes"],
  [">fcst...... 5 data/written", "changed"],
  [">fc.t...... 5 data/written too", "changed"],
  [">fcs....... 5 data/longer", "changed"],
  ["cLc.t...... 5 data/link", "changed"],
  [">fc........ 5 data/tampered", "unexplained"],
  [">fc...p.... 5 data/tampered and hidden", "unexplained"]
] as const

describe("a comparison", () => {
  for (const [line, verdict] of lines)
    it(`${line} is ${verdict ?? "not counted"}`, () => {
      const item = readItemized(line)
      assert(item !== null)
      assert.strictEqual(judge(item), verdict)
      assert.deepStrictEqual(readChange(line)?.differs, item.differs)
    })

  it("reads names exactly as they are, and no other line at all", () => {
    const name = (written: string) => readItemized(`>f+++++++++ 7 ${written}`)
    assert.deepInclude(name("a \\#012\\#377 \\#134#012"), { name: "a \n\u00ff \\#012", size: 7 })
    assert.strictEqual(name(" 8 leading")?.name, " 8 leading")
    for (const line of ["", ">f+++++++++ name", "sent 3 bytes", "xf+++++++++ 3 a", ">f+++++++++ 3 "])
      assert.isNull(readItemized(line), line)
  })

  it("is counted for whoever is about to restore", () => {
    const all = lines.reduce((sum, [line]) => countChange(sum, readChange(line)!), noChanges)
    assert.deepStrictEqual(all, { created: 4, overwritten: 6, attributes: 2, deleted: 1 })
  })
})
