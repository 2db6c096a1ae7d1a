// The figures of `btrfs filesystem usage -b`, as btrfs-progs 6.2 prints them.
import { assert, describe, it } from "@effect/vitest"
import { parseUsage } from "../../src/domain/storeUsage.ts"

const overall = `Overall:
    Device size:\t\t         314572800
    Device allocated:\t\t          92274688
    Device unallocated:\t\t         222298112
    Device missing:\t\t                 0
    Device slack:\t\t                 0
    Used:\t\t\t            360448
    Free (estimated):\t\t         230686720\t(min: 119537664)
    Free (statfs, df):\t\t         229638144
    Data ratio:\t\t\t              1.00
    Metadata ratio:\t\t              2.00
    Global reserve:\t\t           5767168\t(used: 0)
    Multiple profiles:\t\t                no
`
const chunk = (title: string, size: number, used: number) =>
  `\n${title}: Size:${size}, Used:${used} (0.49%)\n   /dev/loop0\t   ${size}\n`

const figures = {
  size: 314_572_800,
  unallocated: 222_298_112,
  free: 230_686_720,
  freeAtLeast: 119_537_664,
  metadataRatio: 2,
  globalReserve: 5_767_168
}

describe("the usage of a store", () => {
  it("is read from what btrfs prints", () => {
    const text =
      overall +
      chunk("Data,single", 8_388_608, 77) +
      chunk("Metadata,DUP", 33_554_432, 163_840) +
      chunk("System,DUP", 8, 1)
    assert.deepStrictEqual(parseUsage(text), {
      ...figures,
      data: { size: 8_388_608, used: 77 },
      metadata: { size: 33_554_432, used: 163_840 }
    })
  })

  it("adds the profiles of a filesystem that is being converted", () => {
    const text = overall + chunk("Data,single", 10, 1) + chunk("Data,RAID1", 20, 2) + chunk("Metadata,DUP", 5, 4)
    assert.deepStrictEqual(parseUsage(text)?.data, { size: 30, used: 3 })
  })

  it("is the same for data and metadata where they share their chunks", () => {
    const both = { size: 100, used: 60 }
    assert.deepStrictEqual(parseUsage(overall + chunk("Data+Metadata,single", 100, 60)), {
      ...figures,
      data: both,
      metadata: both
    })
  })

  it("is nothing where a figure is missing", () => {
    const whole = overall + chunk("Data,single", 10, 1) + chunk("Metadata,DUP", 5, 4)
    for (const name of ["Device size", "Device unallocated", "Free (estimated)", "Metadata ratio", "Global reserve"]) {
      assert.isNull(parseUsage(whole.replace(name, "Something else")), name)
    }
    assert.isNull(parseUsage(overall))
    assert.isNull(parseUsage(""))
  })
})
