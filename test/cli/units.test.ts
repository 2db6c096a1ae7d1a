// Sizes and times as people read them.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { ago, bytes, duration } from "../../src/cli/units.ts"

describe("units", () => {
  it("reads sizes with three digits at most", () => {
    assert.deepStrictEqual([0, 999, 1000, 1500, 99_949, 999_499, 999_500, 3_100_000_000].map(bytes), [
      "0 B",
      "999 B",
      "1.0 kB",
      "1.5 kB",
      "99.9 kB",
      "999 kB",
      "1.0 MB",
      "3.1 GB"
    ])
    fc.assert(fc.property(fc.nat(2 ** 50), (count) => bytes(count).replace(/\D/g, "").length <= 3))
  })

  it("reads durations and ages", () => {
    assert.deepStrictEqual([1.25, 42, 190, 7500].map(duration), ["1.3 s", "42 s", "3 min 10 s", "2 h 5 min"])
    assert.deepStrictEqual([30, 60, 3700, 90_000, 200_000, -5].map(ago), [
      "just now",
      "1 minute ago",
      "1 hour ago",
      "1 day ago",
      "2 days ago",
      "in the future"
    ])
  })

  it.each(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati"])(
    "reads a time of the server's as clocks in %s show it, as date does",
    (zone) => {
      // every nine days and some hours, through two changes of clocks a year
      const times = Array.from({ length: 200 }, (_, index) => 1_577_836_800 + index * 800_000)
      const units = JSON.stringify(join(import.meta.dirname, "../../src/cli/units.ts"))
      const script = `const { localTime } = await import(${units}); for (const at of ${JSON.stringify(times)}) console.log(localTime(at))`
      const inZone = { encoding: "utf8", env: { ...process.env, TZ: zone } } as const
      const ours = spawnSync(process.execPath, ["--input-type=module", "--eval", script], inZone)
      const theirs = spawnSync("date", ["-f", "-", "+%F %H:%M"], {
        ...inZone,
        input: times.map((at) => `@${at}\n`).join("")
      })
      assert.strictEqual(ours.stdout, theirs.stdout, ours.stderr)
      assert.lengthOf(ours.stdout.split("\n"), 201)
    }
  )
})
