// The figures of `btrfs filesystem usage -b`, as btrfs-progs 6.2 prints them.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  balanceHelps,
  dataFloor,
  isShortOfMetadata,
  metadataFloor,
  metadataFree,
  parseUsage,
  type StoreUsage
} from "../../src/domain/storeUsage.ts"

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

const GB = 10 ** 9

/** 100 GB with room for everything. */
const roomy: StoreUsage = {
  size: 100 * GB,
  unallocated: 20 * GB,
  free: 30 * GB,
  freeAtLeast: 20 * GB,
  data: { size: 70 * GB, used: 60 * GB },
  metadata: { size: 5 * GB, used: 2 * GB },
  metadataRatio: 2,
  globalReserve: GB / 2
}
const gb = fc.integer({ min: 0, max: 100 }).map((n) => n * GB)
const usages = fc
  .record({ unallocated: gb, free: gb, dataSize: gb, dataUsed: gb, metadataSize: gb, metadataUsed: gb })
  .map(({ dataSize, dataUsed, metadataSize, metadataUsed, ...rest }) => ({
    ...roomy,
    ...rest,
    data: { size: dataSize, used: Math.min(dataSize, dataUsed) },
    metadata: { size: metadataSize, used: Math.min(metadataSize, metadataUsed) }
  }))

describe("metadata", () => {
  it("may grow in its own chunks beyond btrfs's reserve, and in what is unallocated as often as copies go into it", () => {
    assert.strictEqual(metadataFree(roomy), 2.5 * GB + 10 * GB)
    assert.strictEqual(metadataFree({ ...roomy, unallocated: 0, metadata: { size: 2 * GB, used: 2 * GB } }), 0)
  })

  it("is to have a fiftieth of the filesystem left, 16 MiB to 1 GiB, and is short below that alone", () => {
    const floors = [2 ** 28, 2 ** 30, 10 * GB, 2 ** 40].map((size) => metadataFloor({ ...roomy, size }))
    assert.deepStrictEqual(floors, [2 ** 24, 2 ** 30 / 50, (10 * GB) / 50, 2 ** 30])
    fc.assert(
      fc.property(usages, (usage) =>
        assert.strictEqual(isShortOfMetadata(usage), metadataFree(usage) < metadataFloor(usage))
      )
    )
    // However much df finds free.
    assert.isTrue(isShortOfMetadata({ ...roomy, unallocated: 0, metadata: { size: 3 * GB, used: 2 * GB } }))
  })
})

describe("a balance", () => {
  it("of data helps where metadata is short and data's chunks have much to give", () => {
    const short = { ...roomy, unallocated: 0, metadata: { size: 3 * GB, used: 2.9 * GB } }
    assert.strictEqual(balanceHelps(short, GB), "data")
    assert.isNull(balanceHelps({ ...short, data: { size: 70 * GB, used: 69 * GB } }, GB))
  })

  it("of metadata helps where data is short of the reserve and metadata's chunks have much to give", () => {
    const short = { ...roomy, free: GB, metadata: { size: 20 * GB, used: 2 * GB } }
    assert.strictEqual(balanceHelps(short, 2 * GB), "metadata")
    assert.isNull(balanceHelps(short, GB))
    assert.isNull(balanceHelps({ ...roomy, free: GB }, 2 * GB))
  })

  it("is never run on a store that has what it needs, or where both share their chunks", () => {
    fc.assert(
      fc.property(usages, gb, (usage, reserve) => {
        const kind = balanceHelps(usage, reserve)
        if (kind !== null) assert.isTrue(isShortOfMetadata(usage) || usage.free < reserve)
        assert.isNull(balanceHelps({ ...usage, metadata: usage.data }, reserve))
      })
    )
    assert.strictEqual(dataFloor(roomy), GB)
    assert.strictEqual(dataFloor({ ...roomy, size: GB }), 2 ** 26)
  })
})
